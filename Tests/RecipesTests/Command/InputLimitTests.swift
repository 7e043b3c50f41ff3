// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// What docs/limits.md promises: no input of 64 MiB or less makes a command that only reads take more than 2 GiB, or 20
/// seconds without a progress bar. Processor time is measured, which other processes do not lengthen. By default a
/// quarter of that, with DIST2_LIMITS=whole all of it.
@Suite(.serialized, .enabled(if: dist2Program != nil, "dist2 has not been built beside the tests"))
struct InputLimitTests {
  #if DEBUG
    // Code without optimisation is some twenty times slower.
    private static let size = 1 << 20, side = 512
  #else
    // The whole takes minutes; a quarter holds a quarter of the promise.
    private static let isWhole = ProcessInfo.processInfo.environment["DIST2_LIMITS"] == "whole"
    private static let size = isWhole ? 63 << 20 : 16 << 20, side = isWhole ? 8192 : 4096
  #endif
  /// What an input of this size may take.
  private static let bytes = size > 16 << 20 ? 2 << 30 : 3 << 28, seconds = size == 16 << 20 ? 8.0 : 20

  private struct Input: CustomTestStringConvertible, Sendable {
    let name: String
    /// Shell lines that make it.
    let make: String
    let command: String
    var testDescription: String { name }
  }

  /// `size` bytes of one character.
  private static func run(of character: String) -> String { "head -c \(size) /dev/zero | tr '\\0' '\(character)'" }

  private static let inputs = [
    Input(
      name: "a long line", make: "{ printf '{\"prompt\": \"'; \(run(of: "x")); echo '\"}'; } > a.jsonl",
      command: "generate m --data a.jsonl"),
    Input(
      name: "a long line of digits to learn",
      make: "{ printf '{\"prompt\": \"a\", \"completion\": \"'; \(run(of: "7")); echo '\"}'; } > train.jsonl",
      command: "inspect run.yaml"),
    Input(
      name: "many lines", make: "yes '{\"prompt\": \"1+1=\", \"completion\": \"2\"}' | head -c \(size) > train.jsonl",
      command: "inspect run.yaml"),
    Input(name: "empty lines", make: "yes '' | head -c \(size) > a.jsonl", command: "score m --data a.jsonl"),
    Input(name: "deep JSON", make: "\(run(of: "[")) > a.jsonl", command: "generate m --data a.jsonl"),
    Input(
      name: "wide JSON", make: "{ printf '{\"prompt\": ['; \(run(of: "0")) | sed 's/00/0,/g'; echo '0]}'; } > a.jsonl",
      command: "generate m --data a.jsonl"),
    Input(
      name: "gzip", make: "head -c \(16 * size) /dev/zero | gzip -1 > train.jsonl.gz",
      command: "inspect run.yaml --set data.train=train.jsonl.gz"),
    Input(
      name: "a long run file", make: "{ printf 'a: ['; \(run(of: "0")) | sed 's/00/0,/g'; echo '0]'; } > run.yaml",
      command: "inspect run.yaml"),
    Input(name: "one word of YAML", make: "\(run(of: "a")) > run.yaml", command: "inspect run.yaml"),
    Input(
      name: "a large vocabulary",
      make: "{ printf '{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {'; "
        + "awk 'BEGIN { for (i = 0; i < \(size / 18); i++) printf \"\\\"t%d\\\":%d,\", i, i }'; "
        + "echo '\"z\": 9999999}}}'; } > m/tokenizer.json",
      command: "generate m --prompt x"),
    Input(
      name: "an archive that is none", make: "{ printf 'PK\\003\\004'; \(run(of: "\\\\377")); } > a.npz",
      command: "image-metrics a.npz a.npz"),
    Input(
      name: "a GGUF file that is none", make: "{ printf 'GGUF\\003\\000\\000\\000'; \(run(of: "\\\\377")); } > a.gguf",
      command: "import a.gguf -o g"),
  ]

  @Test(arguments: inputs) private func isBounded(_ input: Input) throws {
    let lab = try CommandLab()
    try lab.writeRun()
    let base = try lab.run("$D generate m --prompt x --max-new-tokens 1")
    #expect(try lab.run(input.make).code == 0)
    let outcome = try lab.run("$D \(input.command)", seconds: 300)
    expectBounded(outcome, base)
  }

  /// Images of 64 megapixels in many lines: one after the other.
  @Test func largeImages() throws {
    let lab = try CommandLab()
    #expect(try lab.run("$D new-vlm m -o v --width 16 --layers 1 --heads 2 --image-size 32 --patch-size 16").code == 0)
    let side = Self.side
    let image = PixelImage(width: side, height: side, channels: 1, bytes: [UInt8](repeating: 7, count: side * side))
    try AtomicFile.write(image.png(), to: lab.folder + "/large.png")
    let line = "{\"prompt\": \"x\", \"images\": [\"large.png\"]}\n"
    try lab.write("one.jsonl", line)
    try lab.write("many.jsonl", String(repeating: line, count: 4))
    let generate = "$D generate v --max-new-tokens 1 --data"
    let one = try lab.run("\(generate) one.jsonl"), many = try lab.run("\(generate) many.jsonl")
    #expect(one.code == 0, "\(one) \(many)")
    #expect(many.code == 0, "\(one) \(many)")
    #expect(many.output.split(separator: "\n").count == 4)
    #expect(many.bytes < 2 << 30, "\(one.bytes) \(many.bytes)")
    #expect(many.bytes < one.bytes + 1 << 29, "\(one.bytes) \(many.bytes)")
    #expect(many.seconds < 8 * one.seconds)
  }

  private func expectBounded(
    _ outcome: CommandLab.Outcome, _ base: CommandLab.Outcome, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let said = "\(outcome.seconds) s, \(outcome.bytes >> 20) MiB, \(outcome.errors.prefix(300))"
    #expect(outcome.code == 0 || outcome.code == 1, "\(said)", sourceLocation: sourceLocation)
    #expect(outcome.bytes < base.bytes + Self.bytes, "\(said)", sourceLocation: sourceLocation)
    let showsProgress = outcome.errors.contains(" %")
    #expect(outcome.seconds < base.seconds + Self.seconds || showsProgress, "\(said)", sourceLocation: sourceLocation)
  }
}
