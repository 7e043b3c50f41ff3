# SPDX-License-Identifier: Apache-2.0
"""Writes a manual page of the help that `dist2 --experimental-dump-help` prints.

    dist2 --experimental-dump-help | python3 scripts/manual.py > dist2.1
"""

import json
import sys


def escaped(text):
    """Text as troff prints it: backslashes and hyphens themselves, no line read as a request."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").split("\n")
    return "\n".join(r"\&" + line if line[:1] in (".", "'") else line for line in lines if line.strip())


def spelt(name):
    return ("-" if name["kind"] == "short" else "--") + name["name"]


def heading(argument):
    """An argument as it is typed."""
    value = f"<{argument.get('valueName', '')}>"
    if argument["kind"] == "positional":
        text = value
    else:
        names = sorted(argument["names"], key=lambda name: name["kind"] != "short")
        text = ", ".join(map(spelt, names)) + (f" {value}" if argument["kind"] == "option" else "")
    return text + (" ..." if argument["isRepeating"] else "")


def section(command, path):
    """What a command does and takes, then its subcommands."""
    words = [*path, command["commandName"]]
    lines = [f'.SS "{escaped(" ".join(words[1:]))}"', escaped(command.get("abstract", ""))]
    if command.get("discussion"):
        lines += [".PP", escaped(command["discussion"])]
    for argument in command.get("arguments", []):
        if not argument["shouldDisplay"] or any(name["name"] in ("help", "version") for name in argument.get("names", [])):
            continue
        about = argument.get("abstract", "")
        if argument.get("defaultValue"):
            about += f" (default: {argument['defaultValue']})"
        lines += [".TP", f'.B "{escaped(heading(argument))}"', escaped(about) or r"\&"]
    for child in command.get("subcommands", []):
        if child["shouldDisplay"] and child["commandName"] != "help":
            lines += section(child, words)
    return lines


def main():
    root = json.load(sys.stdin)["command"]
    page = [
        ".TH DIST2 1", ".SH NAME", rf"dist2 \- {escaped(root['abstract'])}", ".SH SYNOPSIS", ".B dist2", r"\fIsubcommand\fR",
        r"[\fIoptions\fR]", ".PP", r"\fBdist2 help\fR \fIsubcommand\fR prints what stands here.", ".SH SUBCOMMANDS",
    ]
    for child in root["subcommands"]:
        if child["shouldDisplay"] and child["commandName"] != "help":
            page += section(child, [root["commandName"]])
    page += [
        ".SH ENVIRONMENT", ".TP", ".B LIBTORCH", "The torch folder to use instead of the one installed beside dist2.",
        ".TP", ".B DIST2_CACHE", r"Where models are kept; \fI~/.cache/dist2\fR otherwise.",
        ".SH EXIT STATUS", "0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.",
    ]
    print("\n".join(line for line in page if line))


main()
