// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import Recipes
import Testing
import TokenData

private let model: String = {
  let environment = ProcessInfo.processInfo.environment
  let caches = environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
  return (environment["DIST2_CACHE"] ?? caches + "/dist2") + "/SmolLM2-135M-Instruct"
}()

private let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "../../Fixtures").standardized.path

/// Rewards of SmolLM2's real weights against transformers; see `Tests/Fixtures/reward/readout.py`.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: model + "/config.json"), "no \(model): run make test"))
struct RewardModelTests {
  static let yaml = """
    model: \(model)
    reward: helpsteer2
    metrics:
      - { name: overall, tokens: { scores: [0, 20] }, where: { spans: overall } }
      - { name: attributes, tokens: { scores: [0, 4] }, where: { spans: attributes } }
    """

  @Test func readOutEqualsTransformers() throws {
    let rewardModel = try TemporaryRun(Self.yaml).rewardModel()
    let expected = try JSONReader(file: fixtures + "/reward/readout.json").elements()
    let requests = try expected.map {
      RewardRequest(prompt: try $0.string(at: "prompt"), response: try $0.string(at: "response"))
    }
    let rewards = try rewardModel.rewards(of: requests, attributes: true, tokenBudget: nil)
    for (reward, expected) in zip(rewards, expected) {
      let scores = try expected.at("scores").elements()
      #expect(reward.attributes.map(\.name) == ["helpfulness", "correctness", "coherence", "complexity", "verbosity"])
      for (score, expected) in zip([reward.overall] + reward.attributes, scores) {
        #expect(abs(score.expectation - (try expected.double(at: "expectation"))) < 1e-4)
        #expect(abs(score.variance! - (try expected.double(at: "variance"))) < 1e-3)
        #expect(abs(score.coverage! - (try expected.double(at: "coverage"))) < 1e-5)
        let probabilities = try expected.at("probabilities").elements().map { try $0.double() }
        #expect(score.values == probabilities.indices.map(Double.init))
        for (a, b) in zip(score.probabilities, probabilities) { #expect(abs(a - b) < 1e-5) }
      }
    }
    // A response alone, without attributes, in batches of one: the same reward but for what float32 products of another
    // shape round otherwise, two millionths of the scale.
    for (request, reward) in zip(requests, rewards) {
      let alone = try rewardModel.rewards(of: [request], attributes: false, tokenBudget: 1)
      let difference = abs(alone[0].overall.expectation - reward.overall.expectation)
      #expect(alone[0].attributes.isEmpty, "\(difference)")
      #expect(difference < 4e-5, "\(difference)")
    }
  }

  @Test func whatIsTooLongIsRefusedOrCut() throws {
    let request = RewardRequest(prompt: "Why?", response: String(repeating: "because ", count: 9000))
    let rewardModel = try TemporaryRun(Self.yaml).rewardModel()
    let error = #expect(throws: InputError.self) { try rewardModel.tokens(of: request) }
    #expect(error?.remedy.contains("longestResponse") == true)
    let cutting = try TemporaryRun(
      Self.yaml.replacing("reward: helpsteer2", with: "reward: { data: helpsteer2, longestResponse: 80 }")
    ).rewardModel()
    #expect(try cutting.tokens(of: request) < 400)
  }

  @Test func aRunWithoutRatingsIsNoRewardModel() throws {
    let error = #expect(throws: InputError.self) { try loadRewardModel(run: model) }
    #expect(error?.place == "key reward")
  }
}

@Suite struct AnswerTokensTests {
  /// Llama 3 writes every score as one token; Qwen and Phi digit by digit, where 1 and 2 may go on.
  @Test(arguments: [("llama3", 21, false), ("qwen2", 10, true), ("phi3", 10, true), ("smollm2", 10, true)])
  func scoresAreSpelledAsTheTokenizerWritesThem(_ name: String, _ first: Int, _ goesOn: Bool) throws {
    let tokenizer = try Tokenizer(json: fixtures + "/tokenizers/\(name).json")
    let encoder = ExampleEncoder(tokenizer, end: tokenizer.roles.end ?? 0)
    let gaps = try AnswerTemplate(.helpSteer2, encoder).gaps
    #expect(gaps.map(\.name).prefix(2) == ["overall", "helpfulness"])
    let space = gaps[0].space
    let start = if case .tokens(let tokens) = space.after([]) { tokens } else { [Int32]() }
    #expect(Set(start).count == first)
    // Each number 0 … 20 is found by exactly one path, and the paths say what the tokenizer says.
    var values = [Double](), open: [[Int32]] = [[]]
    while let path = open.popLast() {
      switch space.after(path) {
      case .value(let value):
        values.append(value)
        let text = tokenizer.decode(path).trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(text == "\(Int(value))", "\(path)")
      case .tokens(let next): open += next.map { path + [$0] }
      }
    }
    #expect(values.sorted() == (0...20).map(Double.init))
    if case .value = space.after([start[1]]) { #expect(!goesOn) } else { #expect(goesOn) }
  }
}

/// A run file in a folder of its own, deleted afterwards.
final class TemporaryRun {
  let path: String

  init(_ yaml: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "reward-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path + "/run.yaml"
    try yaml.write(toFile: path, atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(at: URL(filePath: path).deletingLastPathComponent()) }

  func rewardModel(_ overrides: String...) throws -> any RewardModel {
    try loadRewardModel(run: path, overrides: overrides)
  }
}
