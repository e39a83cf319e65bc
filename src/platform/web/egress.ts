/**
 * Whether the egress policy binds this realm, found by trying, without a network: `connect-src` names no
 * `data:`, so a fetch of a `data:` address is refused under the policy and answered without it.
 */
export async function policyBindsHere(): Promise<boolean> {
  try {
    await fetch('data:,probe');
    return false;
  } catch {
    return true;
  }
}
