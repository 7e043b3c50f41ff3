# SPDX-License-Identifier: Apache-2.0
"""How fast `dist2 serve` answers many clients, beside transformers answering one request after another.

    python Benchmarks/serve.py runs/reward --model runs/reward/checkpoints/step-100/model
    python Benchmarks/serve.py --url http://127.0.0.1:8080

The first form starts `dist2 serve RUN` itself. With --model (a Hugging Face folder: the same weights), each round has
both sides rate the same texts, transformers first, and their expectations are compared; without, only the server is
measured. The peer reads the overall score as one would by hand: one pass over the prompt up to the score, one over the
beginnings of longer numbers with the cache of the first. How it asks must be said as the run file says it:
--instruction judge|none, --template model|none, --scores LOW HIGH, --next (the facet after the overall score).
Writes JSON with --output.
"""

import argparse
import http.client
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

FACETS = {
    "Helpfulness": "Overall helpfulness of the response to the prompt.",
    "Correctness": "Inclusion of all pertinent facts without errors.",
    "Coherence": "Consistency and clarity of expression.",
    "Complexity": "Intellectual depth required to write response (i.e. whether the response can be written by anyone "
    "with basic language competency or requires deep domain expertise).",
    "Verbosity": "Amount of detail included in the response, relative to what is asked for in the prompt.",
}
OPENING = (
    "Please act as an impartial judge and evaluate the quality of the response provided by AI assistant to the user "
    "question displayed below. Your evaluation should consider five factors helpfulness, correctness, coherence, "
    "complexity, verbosity. Here's brief explanation of each factor:"
)
# Between question and answer where there is no template.
SEPARATOR = "\n"
CLOSING = (
    "Do not allow the length of the responses to influence your evaluation. Be as objective as possible. Please first "
    "provide an overall score over model response. You must provide overall score as a number between 0 and 20. Then "
    "provide a set of 5 score over model response. Only provide the score as a number between 0 and 4."
)


def form(prompt, response, instruction):
    """What the model is asked: with `judge`, HelpSteer2's form."""
    lead = [OPENING, *(f"- {name}: {text}" for name, text in FACETS.items()), CLOSING] if instruction == "judge" else []
    parts = ["[User Question]", prompt, "[Start of Model Response]", response, "[End of Model Response]"]
    return "\n".join(lead + parts)


def texts(count, path):
    """Pairs of prompt and response: of a JSONL file, or words drawn with a fixed seed."""
    if path:
        with open(path) as file:
            records = [json.loads(line) for line, _ in zip(file, range(count))]
        return [(record["prompt"], record["response"]) for record in records]
    draw = random.Random(1)
    words = "the a water egg time boil cool minute number and of in it with for then when hot salt pan".split()
    sentence = lambda low, high: " ".join(draw.choice(words) for _ in range(draw.randint(low, high)))
    return [(sentence(10, 40), sentence(20, 120)) for _ in range(count)]


class Peer:
    """transformers, one request at a time."""

    def __init__(self, options):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch, self.options = torch, options
        self.tokenizer = AutoTokenizer.from_pretrained(options.model)
        self.model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
        self.spellings, self.before = self.spell()
        longest = max(self.spellings.values(), key=len)
        assert len(longest) <= 2, "scores of more than two tokens are not written here"
        self.first = sorted({ids[0] for ids in self.spellings.values()})
        self.open = sorted({ids[0] for ids in self.spellings.values() if len(ids) == 2})

    def chat(self, prompt, response):
        text = form(prompt, response, self.options.instruction)
        if self.options.template == "none":
            return text + SEPARATOR
        turns = [{"role": "user", "content": text}]
        return self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    def encode(self, text):
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def spell(self):
        """Tokens of each score, with the end where one begins another; the tokens before them."""
        lead = self.encode(self.chat("a", "b"))
        low, high = self.options.scores
        answer = lambda v: f"Overall Score: {v}\n{self.options.next}: 0"
        whole = {v: self.encode(self.chat("a", "b") + answer(v)) for v in range(low, high + 1)}
        some = whole[low]
        start = next(i for i in range(len(some)) if len({ids[i] for ids in whole.values()}) > 1)
        end = next(i for i in range(1, len(some)) if len({ids[-i] for ids in whole.values()}) > 1)
        bare = {v: ids[start : len(ids) - end + 1] for v, ids in whole.items()}
        after = some[len(some) - end + 1]
        longer = lambda ids: any(len(o) > len(ids) and o[: len(ids)] == ids for o in bare.values())
        return {v: ids + [after] * longer(ids) for v, ids in bare.items()}, some[len(lead) : start]

    def score(self, prompt, response):
        torch = self.torch
        with torch.inference_mode():
            ids = torch.tensor([self.encode(self.chat(prompt, response)) + self.before])
            out = self.model(input_ids=ids, use_cache=True, logits_to_keep=1)
            first = out.logits[0, -1].log_softmax(-1)
            second = {}
            if self.open:
                out.past_key_values.batch_repeat_interleave(len(self.open))
                step = self.model(input_ids=torch.tensor(self.open)[:, None], past_key_values=out.past_key_values)
                second = dict(zip(self.open, step.logits[:, -1].log_softmax(-1)))
            logs = torch.stack([
                first[ids[0]] + (second[ids[0]][ids[1]] if len(ids) == 2 else 0.0) for ids in self.spellings.values()
            ])
            share = logs.double().softmax(0)
            return float((share * torch.tensor(list(self.spellings), dtype=torch.float64)).sum())


class Server:
    def __init__(self, url, token):
        self.address = urllib.parse.urlsplit(url)
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def connect(self):
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=300)

    def score(self, connection, prompt, response):
        """Status, score, seconds."""
        start = time.perf_counter()
        body = json.dumps({"prompt": prompt, "response": response, "attributes": False})
        connection.request("POST", "/score", body, self.headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        return answer.status, content.get("score"), time.perf_counter() - start

    def crowd(self, pairs, clients, pause=0.0):
        """All pairs by so many clients, each taking the next one when it has its answer; (index, status, score, s)."""
        results, lock, rest = [], threading.Lock(), iter(enumerate(pairs))

        def work():
            connection = self.connect()
            while True:
                with lock:
                    index, pair = next(rest, (None, None))
                if pair is None:
                    return
                result = self.score(connection, *pair)
                if result[0] == 429:
                    time.sleep(pause)
                with lock:
                    results.append((index, *result))

        threads = [threading.Thread(target=work) for _ in range(clients)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(results), time.perf_counter() - start


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def latency(results):
    times = [r[3] for r in results if r[1] == 200]
    return {"p50_s": percentile(times, 0.5), "p99_s": percentile(times, 0.99), "max_s": max(times, default=0.0)}


def resident(process):
    if process is None:
        return None
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def start_server(options):
    command = [options.dist2, "serve", options.run, "--port", "0", "--queue", str(options.queue), "--timeout", "300"]
    command += ["--token-budget", str(options.token_budget)]
    for assignment in options.set:
        command += ["--set", assignment]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if " at http://" not in line:
        sys.exit(f"the server did not start: {line}")
    return process, line.rsplit(" ", 1)[1].strip()


def measure(options, server, process, peer):
    pairs = texts(options.requests, options.data)
    server.crowd(pairs[:8], 4)  # warm
    report = {"requests": len(pairs), "clients": options.clients, "rounds": []}
    if peer:
        peer.score(*pairs[0])
    for _ in range(options.rounds):
        entry = {}
        if peer:
            start = time.perf_counter()
            theirs = [peer.score(*pair) for pair in pairs]
            entry["transformers_per_s"] = len(pairs) / (time.perf_counter() - start)
        results, seconds = server.crowd(pairs, options.clients)
        wrong = [r for r in results if r[1] != 200]
        if wrong:
            sys.exit(f"{len(wrong)} requests failed, the first with {wrong[0]}")
        entry["server_per_s"] = len(pairs) / seconds
        entry |= latency(results)
        if peer:
            entry["ratio"] = entry["server_per_s"] / entry["transformers_per_s"]
            entry["largest_difference"] = max(abs(a - r[2]) for a, r in zip(theirs, results))
        report["rounds"].append(entry)
        print(json.dumps(entry), flush=True)
    if peer:
        report["ratio"] = statistics.median(entry["ratio"] for entry in report["rounds"])

    before = resident(process)
    results, seconds = server.crowd(pairs * 4, options.overload, pause=0.05)
    statuses = [r[1] for r in results]
    rate = statuses.count(200) / seconds
    report["overload"] = {
        "clients": options.overload, "answered": statuses.count(200), "refused": statuses.count(429),
        "other": len(statuses) - statuses.count(200) - statuses.count(429), **latency(results),
        "queue_bound_s": 2 * options.queue / rate if rate else None, "server_per_s": rate,
        "refused_p99_s": percentile([r[3] for r in results if r[1] == 429], 0.99),
    }
    report["resident_mib"] = {"before_overload": before, "after": resident(process)}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="what `dist2 serve` is given")
    parser.add_argument("--url", help="a server that runs already, instead of RUN")
    parser.add_argument("--model", help="Hugging Face folder with the same weights, for transformers")
    parser.add_argument("--instruction", choices=["judge", "none"], default="judge")
    parser.add_argument("--template", choices=["model", "none"], default="model")
    parser.add_argument("--scores", type=int, nargs=2, default=(0, 20), metavar=("LOW", "HIGH"))
    parser.add_argument("--next", default="helpfulness", help="name of the first facet")
    parser.add_argument("--dist2", default=".build/release/dist2")
    parser.add_argument("--set", action="append", default=[], metavar="key=value", help="for dist2 serve")
    parser.add_argument("--data", help="JSONL with prompt and response; default: drawn words")
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queue", type=int, default=64, help="the server's --queue, and for the bound under overload")
    parser.add_argument("--overload", type=int, default=192, help="clients of the overload phase")
    parser.add_argument("--token-budget", type=int, default=4096)
    parser.add_argument("--output", help="write the report as JSON")
    options = parser.parse_args()
    if bool(options.run) == bool(options.url):
        parser.error("either RUN or --url")
    process, url = (None, options.url) if options.url else start_server(options)
    try:
        report = measure(
            options, Server(url, os.environ.get("DIST2_TOKEN")), process, Peer(options) if options.model else None
        )
    finally:
        if process:
            process.terminate()
            code = process.wait(timeout=60)
            print(f"server's exit code after SIGTERM: {code}")
    report["machine"] = {"cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}
    print(json.dumps(report, indent=2))
    if options.output:
        with open(options.output, "w") as file:
            json.dump(report, file, indent=2)


if __name__ == "__main__":
    main()
