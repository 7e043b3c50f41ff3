// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing

/// Commands other than `train` in several processes: the same lines and figures as from one.
@Suite(.serialized, .enabled(if: dist2Program != nil, "dist2 has not been built beside the tests"))
struct SharedWorkTests {
  /// Other batches round otherwise.
  private func expectEqual(_ a: JSON, _ b: JSON, _ place: String) {
    switch (a, b) {
    case (.double(let x), .double(let y)): #expect(abs(x - y) < 1e-4 * max(1, abs(x)), "\(place)")
    case (.object(let x), .object(let y)):
      #expect(x.members.map(\.key) == y.members.map(\.key), "\(place)")
      for (mine, other) in zip(x.members, y.members) { expectEqual(mine.value, other.value, "\(place).\(mine.key)") }
    case (.array(let x), .array(let y)):
      #expect(x.count == y.count, "\(place)")
      for (index, pair) in zip(x, y).enumerated() { expectEqual(pair.0, pair.1, "\(place).\(index)") }
    default: #expect(a == b, "\(place)")
    }
  }

  private func lines(_ text: String) throws -> [JSON] {
    try text.split(separator: "\n").map { try JSON(parsing: String($0), path: "") }
  }

  /// With one line more than there are for all, with fewer lines than processes, from a file and through a pipe.
  @Test(arguments: [
    ("score run.yaml --data train.jsonl", 3), ("generate run.yaml --max-new-tokens 3 --data train.jsonl", 2),
    ("score run.yaml --data one.jsonl", 3),
  ]) func linesAreThoseOfOneProcess(command: String, count: Int) throws {
    let lab = try CommandLab()
    try lab.writeRun()
    try lab.write("one.jsonl", TinyRun.sums(1))
    let one = try lab.run("$D \(command)"), many = try lab.run("$D \(command) --processes \(count)")
    #expect(one.code == 0 && many.code == 0, "\(one) \(many)")
    let (a, b) = (try lines(one.output), try lines(many.output))
    #expect(a.count == b.count && !a.isEmpty, "\(many)")
    for (index, pair) in zip(a, b).enumerated() { expectEqual(pair.0, pair.1, "line \(index)") }
    let file = try #require(command.split(separator: " ").last), short = command.replacing(" --data \(file)", with: "")
    let piped = try lab.run("cat \(file) | $D \(short) --processes \(count)")
    #expect(piped.code == 0, "\(piped)")
    let names = ["train.jsonl", "one.jsonl", "<stdin>"]
    #expect(
      names.reduce(piped.output) { $0.replacing($1, with: "F") }
        == names.reduce(many.output) { $0.replacing($1, with: "F") })
  }

  /// Each line's draws are its own, whichever process answers it.
  @Test func drawsAreThoseOfOneProcess() throws {
    let lab = try CommandLab()
    try lab.write("same.jsonl", String(repeating: "{\"prompt\": \"1 + 1 =\"}\n", count: 6))
    let command = "$D generate m --data same.jsonl --temperature 1 --seed 3 --max-new-tokens 8"
    let one = try lab.run(command), many = try lab.run("\(command) --processes 2")
    #expect(one.code == 0 && one.output == many.output, "\(one) \(many)")
    #expect(Set(try lines(one.output).map { $0["completion"]?.text() ?? "" }).count > 3, "\(one.output)")
    #expect(try lines(many.output).map { $0["id"] } == (1...6).map { .string("same.jsonl line \($0)") })
  }

  /// What comes before a bad line is told, by the first process; the line is named once.
  @Test func aBadLineIsNamedOnce() throws {
    let lab = try CommandLab()
    try lab.writeRun()
    try lab.write("bad.jsonl", TinyRun.sums(5) + "{\"prompt\": 7}\n" + TinyRun.sums(2))
    let outcome = try lab.run("$D score run.yaml --data bad.jsonl --processes 2")
    #expect(outcome.code == 1)
    #expect(try lines(outcome.output).count == 5)
    let said = outcome.errors.split(separator: "\n").filter { $0.contains("line 6") }
    #expect(said.count == 1, "\(outcome.errors)")
    let skipped = try lab.run("$D score run.yaml --data bad.jsonl --processes 2 --set data.skipBad=true")
    #expect(try skipped.code == 0 && lines(skipped.output).count == 8, "\(skipped)")
  }

  @Test func figuresAreThoseOfOneProcess() throws {
    let lab = try CommandLab()
    try lab.writeRun()
    let evaluate = "$D evaluate run.yaml --json --set evaluate.distribution=true"
    let one = try lab.run("\(evaluate) -o one.jsonl"), many = try lab.run("\(evaluate) -o many.jsonl --processes 3")
    #expect(one.code == 0 && many.code == 0, "\(one) \(many)")
    expectEqual(try JSON(parsing: one.output, path: ""), try JSON(parsing: many.output, path: ""), "figures")
    func predictions(_ name: String) throws -> [JSON] {
      try lines(String(contentsOfFile: "\(lab.folder)/\(name)", encoding: .utf8))
    }
    for (index, pair) in zip(try predictions("one.jsonl"), try predictions("many.jsonl")).enumerated() {
      expectEqual(pair.0, pair.1, "prediction \(index)")
    }
  }

  /// Rated one by one and judged side by side; one of them is too long.
  @Test(arguments: ["reward.yaml", "big --pairwise"]) func pairsAreThoseOfOneProcess(judge: String) throws {
    let lab = try CommandLab(model: false)
    let pairs = (0..<7).map { #"{"prompt": "p\#($0)", "chosen": "yes \#($0)", "rejected": "no\#($0)"}"# + "\n" }
    let long = String(repeating: "x", count: 600)
    try lab.write("pairs.jsonl", pairs.joined() + #"{"prompt": "p", "chosen": "\#(long)", "rejected": "no"}"# + "\n")
    try lab.write(
      "reward.yaml", "model: big\nreward: { overall: { field: s, range: [1, 5] } }\nmetrics: [{ tokens: digits }]\n")
    #expect(try lab.run("$D new-lm -o big --width 16 --layers 1 --heads 2 --context 512").code == 0)
    let command = "$D evaluate \(judge) --pairs pairs.jsonl --json --skip-bad"
    let one = try lab.run(command), many = try lab.run("\(command) --processes 3")
    #expect(one.code == 0 && many.code == 0, "\(one) \(many)")
    expectEqual(try JSON(parsing: one.output, path: ""), try JSON(parsing: many.output, path: ""), command)
    for outcome in [one, many] {
      #expect(outcome.errors.components(separatedBy: "1 example left out").count == 2, "\(outcome.errors)")
    }
  }

  @Test(arguments: [
    ("$D generate m --prompt 1 --processes 2", "--prompt takes one process"),
    ("$D image-samples m -o a.png --processes 2", "A grid is drawn by one process"),
  ]) func whatIsNotSharedIsRefused(line: String, words: String) throws {
    let outcome = try CommandLab().run(line)
    #expect(outcome.code == 64 || outcome.code == 2 || outcome.code == 1)
    #expect(outcome.errors.contains(words), "\(outcome)")
  }
}
