// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
import Recipes
import Testing

/// Ready metrics of models that point and act.
@Suite struct MetricPresetTests {
  private func settings(_ metrics: String, _ overrides: String...) throws -> RunSettings {
    try RunSettings(yaml: "model: m\ndata: { train: a.jsonl }\nmetrics: \(metrics)\n", overrides: overrides)
  }

  @Test func aWordStandsForItsMetrics() throws {
    for preset in MetricPreset.allCases {
      #expect(try settings(preset.rawValue).metrics == preset.metrics)
      #expect(try settings("[\(preset.rawValue)]").metrics == preset.metrics)
      // What a run's folder keeps says the same.
      let kept = try RunSettings(yaml: settings(preset.rawValue).resolved.yaml)
      #expect(kept.metrics == preset.metrics)
    }
    let both = try settings("[{ name: n, tokens: digits }, paligemmaBoxes]", "metrics.box.temperature=4")
    #expect(both.metrics.map(\.name) == ["n", "box"])
    #expect(both.metrics[1].temperature == .value(4))
    #expect(try settings("[{ tokens: digits }]", "metrics=openvlaActions").metrics.map(\.name) == ["action"])
  }

  @Test func tokensAreTheModels() throws {
    let bins = try #require(MetricPreset.paligemmaBoxes.metrics[0].tokens.bins)
    #expect(bins.count == 1024)
    #expect(bins[0] == .init(token: "<loc0000>", value: 0) && bins[1023] == .init(token: "<loc1023>", value: 1023))
    #expect(bins[7].token == "<loc0007>")
    // id = 32000 − bin, as OpenVLA's ActionTokenizer has it.
    let space = try TokenSpace.ids(first: 31_744, count: 256, from: 256, to: 1)
    #expect(space.ids.count == 256)
    for (id, value) in zip(space.ids, space.values ?? []) { #expect(Double(32_000 - id) == value) }
    #expect(MetricPreset.openvlaActions.metrics[0].tokens == .ids(first: 31_744, count: 256, from: 256, to: 1))
  }

  /// A model whose vocabulary ends before the ids.
  @Test func idsBeyondTheVocabularyAreRefused() throws {
    let run = try TinyRun()
    do {
      _ = try run.artifacts("metrics=openvlaActions")
      Issue.record("nothing was thrown")
    } catch { #expect("\(error)".contains("key metrics[0].tokens.ids"), "\(error)") }
    // The last ids of this one's, as OpenVLA has them.
    let last = try run.artifacts("metrics=[{ name: a, tokens: { ids: { first: 260, count: 4, values: [4, 1] } } }]")
    #expect(last.distanceLosses[0].space.values == [4, 3, 2, 1])
    #expect(last.distanceLosses[0].space.ids == [260, 261, 262, 263])
  }

  /// The shipped run file names them.
  @Test func theRunFileOfActionsIsRead() throws {
    let run = try TinyRun()
    let settings = try RunSettings(
      file: "\(configsFolder)/manipulation/openvla.yaml",
      overrides: ["data.folder=", "data.train=\"\(run.folder)/train.jsonl\""])
    #expect(settings.metrics == MetricPreset.openvlaActions.metrics)
  }

  @Test func otherWordsAreRefused() throws {
    func refusal(_ metrics: String) -> String {
      do {
        _ = try settings(metrics)
        return "nothing"
      } catch { return "\(error)" }
    }
    let misspelt = refusal("paligemaBoxes")
    #expect(
      misspelt.contains("line 3, key metrics") && misspelt.contains("Did you mean paligemmaBoxes?"), "\(misspelt)")
    #expect(refusal("[{ tokens: digits }, boxes]").contains("key metrics[1]"))
    let ids = "[{ tokens: { ids: { first: 5, count: 3, values: [1, 1] } } }]"
    #expect(refusal(ids).contains("two different numbers"))
    #expect(refusal("[{ tokens: { ids: { first: 5, count: 3 } } }]").contains("tokens.ids.values"))
    #expect(refusal("[{ tokens: { bins: { pattern: \"<{:0x}>\", count: 3 } } }]").contains("{:04}"))
  }
}
