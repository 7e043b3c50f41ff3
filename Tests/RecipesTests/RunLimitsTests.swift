// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Objectives
import Recipes
import Testing

/// Numbers and nesting out of proportion are refused with the range or depth that is allowed.
@Suite struct RunLimitsTests {
  private let base = "model: m\nmetrics: [{ tokens: digits }]\n"

  private func refusal(
    _ yaml: String = "", overrides: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    do {
      _ = try RunSettings(yaml: base + yaml, path: "run.yaml", overrides: overrides)
      Issue.record("nothing was thrown", sourceLocation: sourceLocation)
      return ""
    } catch {
      #expect(error is InputError, "\(error)", sourceLocation: sourceLocation)
      return "\(error)"
    }
  }

  @Test(arguments: ["{ a: ", "- ", "? ", "[{ a: "]) func deepNesting(_ opening: String) {
    let deep = String(repeating: opening, count: 20_000)
    #expect(refusal("other:\n  \(deep)").contains(opening.contains("?") ? "as key" : "at most 64 deep"))
    if opening != "- ", opening != "? " {
      #expect(refusal(overrides: ["train.steps=\(deep)"]).contains("at most 64 deep"))
    }
  }

  @Test func deepKeys() {
    let key = Array(repeating: "a", count: 20_000).joined(separator: ".")
    #expect(refusal(overrides: ["\(key)=1"]).contains("20000 names"))
    let indented = (0..<200).map { String(repeating: " ", count: $0) + "k:" }.joined(separator: "\n")
    #expect(
      refusal("other:\n" + indented.split(separator: "\n").map { " \($0)" }.joined(separator: "\n")).contains("64"))
  }

  @Test func aliasesAsKeys() {
    // Each key hashes all that the aliases stand for.
    var bomb = "a0: &a0 [x, x]\n"
    for level in 1..<40 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    #expect(refusal(bomb).contains("at most 100,000 values"))
    #expect(refusal("l: &l [x]\nm: { *l : 1 }\n").contains("a word as key, found a list or mapping"))
    // A word may stand behind an alias.
    #expect(refusal("w: &w train\nv: { *w : 1 }\n").contains("a key that dist2 knows"))
  }

  @Test(arguments: [
    ("train.batch", "9223372036854775807", "from 1 to 1000000,"),
    ("train.steps", "9223372036854775807", "from 1 to 1000000000,"),
    ("train.packing", "9223372036854775807", "from 0 to 1000000000,"),
    ("train.clip", "1e-300", "from 1e-9 to 1e9"), ("train.clip", ".inf", "from 1e-9 to 1e9"),
    ("train.warmup", "1e300", "steps"), ("train.learningRate", "1e300", "up to 1000"),
    ("train.lora", "{ rank: 9223372036854775807 }", "from 1 to 1000000,"),
    ("train.earlyStop", "{ patience: 9223372036854775807 }", "from 1 to 1000000000,"),
    ("evaluate.maxNewTokens", "9223372036854775807", "from 1 to 1000000000,"),
    ("evaluate.width", "9223372036854775807", "from 1 to 1000000,"),
    ("evaluate.unreadableAs", ".inf", "a number"), ("objective.alpha", "1e300", "to 1e9"),
    ("objective.temperature", "1e-300", "from 1e-9"), ("objective.temperature", "{ perplexity: 1e300 }", "perplexity"),
    ("metrics.0.contrast", "{ radius: 9223372036854775807 }", "from 1 to 1000000000,"),
    ("metrics.0.tokens", "{ codebook: { first: 9223372036854775807, count: 2 } }", "an id from 0 to 1000000000,"),
    ("metrics.0.tokens", "{ bins: { pattern: \"<{}>\", count: 2, range: [-1e308, 1e308] } }", "from -1e12 to 1e12"),
    ("reward", "{ overall: { field: a, range: [0, 1], scores: [0, 9223372036854775807] } }", "from 0 to 999"),
    ("reward", "{ overall: { field: a, range: [0, 1000000000] } }", "from 0 to 999"),
    ("reward", "{ overall: { field: a, range: [-1e308, 1e308], scores: [0, 9] } }", "least and greatest"),
    (
      "reward", "{ attributes: [{ name: a, range: [0, 600] }, { name: b, range: [0, 600] }] }",
      "at most 999, found 1200"
    ),
  ]) func numbersHaveRanges(key: String, value: String, says: String) {
    let message = refusal(overrides: ["\(key)=\(value)"])
    #expect(message.hasPrefix("<arguments>: --set "), "\(message)")
    #expect(message.contains(says), "\(message)")
  }

  @Test func listsAreDistinct() throws {
    let sound = RegressionExperiment(.regression, .small, model: "m")
    try sound.validate()
    func refusal(_ change: (inout RegressionExperiment) -> Void) -> String? {
      var experiment = sound
      change(&experiment)
      return #expect(throws: InputError.self) { try experiment.validate() }?.place
    }
    #expect(refusal { $0.grid.sizes = [1, 1] } == "--sizes")
    #expect(refusal { $0.grid.sizes = [2.5] } == "--sizes")
    #expect(refusal { $0.grid.sizes = [11] } == "--sizes")
    #expect(refusal { $0.grid.variants = ["sft", "sft"] } == "--variants")
    #expect(refusal { $0.grid.variants = ["regression"] } == "--variants")
    #expect(refusal { $0.grid.seeds = [] } == "--seeds")
    #expect(refusal { $0.samples = .max } == "--samples")
  }

  /// Token spaces and objectives know neither file nor key.
  @Test(arguments: [
    ("metrics.0.temperature={ perplexity: 1 }", "--set metrics[0].temperature: "),
    ("metrics.0.tokens={ integers: [0, 0] }", "--set metrics[0].tokens: "),
    ("metrics.0.distance=table", "--set metrics[0].distance: "),
    ("metrics.0.tokens={ labels: [zzz] }", "--set metrics[0].tokens: "),
  ]) func errorsOfObjectivesNameTheKey(override: String, place: String) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/limits-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try NewLanguageModel(width: 16, layers: 1, heads: 2, contextLength: 64).write(to: folder)
    let settings = try RunSettings(yaml: "model: \(folder)\nmetrics: [{ tokens: digits }]\n", overrides: [override])
    let error = try #require(throws: InputError.self) { try RunArtifacts(settings) }
    #expect(error.description.contains(place), "\(error)")
    #expect(!error.found.isEmpty, "\(error)")
  }

  @Test func freshModelsFitTheMachine() {
    let model = NewLanguageModel(width: 65_536, layers: 1000, heads: 16, contextLength: 64)
    #expect(throws: InputError.self) { try model.write(to: "/nonexistent/model") }
  }
}
