"""Test accuracy of scikit-learn's logistic regression on features that tools/measure-models.ts wrote.

C is chosen as Headlight does by default: 5-fold stratified cross-validation over 0.01 to 100.
"""

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

accuracies = {}
for task in json.load(open(sys.argv[1])):
    def read(part):
        features = np.fromfile(task[part]["file"], dtype="<f4").reshape(-1, task[part]["columns"])
        return features.astype(np.float64), np.array(task[part]["labels"])

    train, test = read("train"), read("test")
    search = GridSearchCV(
        LogisticRegression(max_iter=1000),
        {"C": [0.01, 0.1, 1, 10, 100]},
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    ).fit(*train)
    accuracies[task["name"]] = {
        "test_accuracy": round(search.score(*test), 4),
        "C": search.best_params_["C"],
        "train_rows": len(train[1]),
        "test_rows": len(test[1]),
    }
print(json.dumps(accuracies))
