# SPDX-License-Identifier: Apache-2.0
"""Reference values for Sources/Reports/Statistics, from numpy, scipy and statsmodels.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    python Tests/Fixtures/statistics/make.py

writes statistics.json beside this file. The resamples of the bootstrap are drawn as Swift draws them (SplitMix64, the
high half of a 128-bit product), so that intervals must agree to rounding, not only in distribution.
"""

import json
import pathlib
import types

import numpy as np
import scipy.stats as st
from statsmodels.stats.multitest import multipletests

MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, count):
        return (self.next() * count) >> 64


def measurements(rng):
    lists = [
        [1.0, 2.0, 3.0, 4.0],
        [0.113, 0.097, 0.131, 0.121, 0.104],
        [1e9, 1e9 + 1, 1e9 + 2],
        [-3.5, -2.25],
        rng.normal(size=101).tolist(),
        (1e-12 * rng.standard_t(2, size=37)).tolist(),
    ]
    shares = [0, 0.025, 0.25, 0.5, 0.9, 1]
    cases = []
    for values in lists:
        low, high = st.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=st.sem(values))
        cases.append(
            {
                "values": values,
                "mean": np.mean(values),
                "deviation": np.std(values, ddof=1),
                "quantiles": [[p, np.quantile(values, p)] for p in shares],
                "interval": [low, high],
            }
        )
    return cases


def distributions():
    shares = [1e-12, 1e-5, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999999]
    tails = [[t, d, 2 * st.t.sf(t, d)] for t in (0, 1e-3, 0.7, 2.5, 12, 300) for d in (1, 2, 4, 9, 30, 500)]
    quantiles = [
        [level, d, st.t.ppf((1 + level) / 2, d)] for level in (0.5, 0.9, 0.95, 0.999) for d in (1, 2, 4, 9, 30, 500)
    ]
    return {
        "normalCdf": [[z, st.norm.cdf(z)] for z in (-30, -8, -3, -1.96, -0.1, 0, 0.5, 2, 6)],
        "normalQuantile": [[p, st.norm.ppf(p)] for p in shares],
        "tTail": tails,
        "tQuantile": quantiles,
    }


def paired(rng):
    lists = {
        "five seeds": [-0.012, -0.004, -0.020, -0.011, -0.013],
        "five mixed": [-0.012, 0.004, -0.020, 0.011, -0.013],
        "ties": [1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 4.0],
        "zeros and ties": [0.0, 1.0, -1.0, 0.0, 2.0, 2.0, -3.0],
        "forty": rng.normal(0.3, 1, size=40).tolist(),
        "hundred": rng.normal(0.1, 1, size=100).tolist(),
        "many": rng.normal(0.1, 1, size=400).tolist(),
        "many ties": rng.integers(-4, 6, size=300).astype(float).tolist(),
        "very many signs": rng.choice([-1.0, 1.0], p=[0.47, 0.53], size=3001).tolist(),
    }
    cases = []
    for name, differences in lists.items():
        d = np.array(differences)
        nonzero = d[d != 0]
        ties = len(np.unique(np.abs(nonzero))) < len(nonzero)
        if len(nonzero) > 100:
            method = "asymptotic"
        elif ties:
            method = st.PermutationMethod(n_resamples=np.inf)  # all signs
        else:
            method = "exact"
        case = {
            "name": name,
            "differences": differences,
            "studentT": st.ttest_1samp(d, 0).pvalue,
            "wilcoxon": st.wilcoxon(nonzero, method=method, correction=False).pvalue,
        }
        if len(nonzero) <= 1000:
            case["sign"] = st.binomtest(int((nonzero > 0).sum()), len(nonzero)).pvalue
        else:  # the normal approximation with continuity correction
            wins, n = int((nonzero > 0).sum()), len(nonzero)
            case["sign"] = 2 * st.norm.cdf((min(wins, n - wins) + 0.5 - n / 2) / (np.sqrt(n) / 2))
        cases.append(case)
    return cases


def bootstrap(rng):
    statistics = {
        "mean": lambda x, axis=-1: np.mean(x, axis=axis),
        "median": lambda x, axis=-1: np.median(x, axis=axis),
        "rms": lambda x, axis=-1: np.sqrt(np.mean(np.square(x), axis=axis)),
    }
    lists = {
        "five": [-0.012, -0.004, -0.020, -0.011, -0.013],
        "thirty": rng.normal(2, 1, size=30).tolist(),
        "skewed": rng.exponential(size=60).tolist(),
    }
    cases = []
    for name, values in lists.items():
        for statistic, function in statistics.items():
            for method in ("percentile", "bca"):
                seed, resamples = 7, 999
                random = SplitMix64(seed)
                draws = [[values[random.below(len(values))] for _ in values] for _ in range(resamples)]
                distribution = function(np.array(draws))
                result = st.bootstrap(
                    (np.array(values),),
                    function,
                    n_resamples=0,
                    method=method,
                    bootstrap_result=types.SimpleNamespace(bootstrap_distribution=distribution),
                )
                interval = result.confidence_interval
                below, above = int((distribution <= 0).sum()), int((distribution >= 0).sum())
                cases.append(
                    {
                        "name": f"{name} {statistic} {method}",
                        "values": values,
                        "statistic": statistic,
                        "method": method,
                        "seed": seed,
                        "resamples": resamples,
                        "interval": [interval.low, interval.high],
                        "pValue": min(1, 2 * (1 + min(below, above)) / (1 + resamples)),
                    }
                )
    return cases


def correlations(rng):
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    pairs = [
        (x, y),
        (np.round(x), np.round(y)),
        (np.arange(5.0), np.array([2.0, 4.0, 6.0, 8.0, 10.0])),
        (np.array([1.0, 2.0, 2.0, 3.0]), np.array([9.0, 4.0, 4.0, -1.0])),
        (1e8 + x, -y),
    ]
    return [
        {
            "x": a.tolist(),
            "y": b.tolist(),
            "pearson": st.pearsonr(a, b).statistic,
            "spearman": st.spearmanr(a, b).statistic,
        }
        for a, b in pairs
    ]


def holm():
    lists = [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], [0.001, 0.8, 0.02, 0.02, 0.6, 0.011]]
    return [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in lists]


def main():
    rng = np.random.default_rng(20260101)
    random = SplitMix64(1234567)
    result = {
        "splitMix64": [str(random.next()) for _ in range(5)],
        "measurements": measurements(rng),
        "distributions": distributions(),
        "paired": paired(rng),
        "bootstrap": bootstrap(rng),
        "correlations": correlations(rng),
        "holm": holm(),
    }
    path = pathlib.Path(__file__).with_name("statistics.json")
    path.write_text(json.dumps(result, separators=(",", ":"), default=float) + "\n")


if __name__ == "__main__":
    main()
