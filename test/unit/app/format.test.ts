import { describe, expect, it } from 'vitest';
import {
  bytes,
  counted,
  duration,
  interval,
  percent,
  timeLeft,
} from '../../../src/app/state/format';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('numbers as people read them', () => {
  it('shares with their interval', () => {
    expect(plain(percent(0.8312))).toBe('83.1 %');
    expect(plain(interval([0.809, 0.851]))).toBe('80.9–85.1 %');
  });
  it('sizes in decimal units, and never “1000 kB”', () => {
    expect(plain(bytes(999))).toBe('999 B');
    expect(plain(bytes(23_400_000))).toBe('23 MB');
    expect(plain(bytes(999_600))).toBe('1.0 MB');
  });
  it('times, and never “60 s”', () => {
    expect(plain(duration(0.84))).toBe('0.8 s');
    expect(plain(duration(59.6))).toBe('1 min');
    expect(plain(duration(200))).toBe('3 min 20 s');
    expect(plain(timeLeft(47))).toBe('about 45 s left');
  });
  it('one and many', () => {
    expect(counted(1, 'class', 'classes')).toBe('1 class');
    expect(counted(12_345, 'row')).toBe('12,345 rows');
  });
});
