// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import MetricTokens
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// What is PaliGemma's own: prompts that are seen whole, and what its `config.json` may say.
@Suite struct PaliGemmaTests {
  private let fixture = VisionFixture.all[1]

  /// The last token of a question changes what the model makes of its first; a token of the answer does not.
  @Test(arguments: [0, 1]) func questionsAreSeenWhole(index: Int) throws {
    let fixture = VisionFixture.all[index], model = try fixture.model(), prompt = try fixture.numbers("prompts")[1]
    let input = try fixture.input(row: 1, 0..<24)
    func states(changing token: Int?, prompts: [[Int]]? = nil) -> Tensor {
      var ids = input.ids.array(of: Int64.self)
      if let token { ids[token] = ids[token] == 5 ? 6 : 5 }
      var changed = input
      changed.ids = Tensor(ids, shape: input.ids.shape)
      if let prompts { changed.prompts = prompts }
      return noGrad { model.hidden(changed, cache: nil, rows: nil) }
    }
    let before = states(changing: nil)
    #expect(difference(states(changing: prompt - 1).narrow(1, 0, 1), before.narrow(1, 0, 1)) > 1e-3)
    #expect(difference(states(changing: prompt).narrow(1, 0, prompt), before.narrow(1, 0, prompt)) == 0)
    // Where nothing is known of a prompt, order is causal.
    let causal = states(changing: nil, prompts: [[0]])
    #expect(difference(states(changing: prompt - 1, prompts: [[0]]).narrow(1, 0, 1), causal.narrow(1, 0, 1)) == 0)
  }

  /// Prompts that share a long beginning, answered side by side and alone.
  @Test func companyDoesNotChangeAnswers() throws {
    let model = try fixture.model(), pixels = try fixture.expected("pixels")
    let beginning = [Int32](repeating: 38, count: 9) + (0..<30).map { Int32(3 + $0) }
    let prompts = [beginning + [4, 5], beginning + [7], beginning + [9, 9, 9, 8]]
    let image = PlacedImage(
      PreparedImage(channels: 3, height: 12, width: 12, values: pixels.select(0, 0).array(of: Float.self)), position: 0,
      count: 9)
    let options = GenerationOptions(maxNewTokens: 6)
    func answers(_ prompts: [[Int32]]) throws -> [[Int32]] {
      try TokenGenerator(model).generate(prompts, options, images: { _ in [image] }).map(\.ids)
    }
    let together = try answers(prompts), alone = try prompts.flatMap { try answers([$0]) }
    #expect(together == alone)
    // The model as it is asked in training: what follows a prompt is scored as it was generated.
    let scores = try Scorer(model).logLikelihoods(
      of: zip(prompts, together).map { Continuation(prompt: $0, ids: $1) }, images: { _ in [image] })
    for (prompt, (answer, scores)) in zip(prompts, zip(together, scores)) {
      for (index, score) in scores.enumerated() {
        let best = try Scorer(model).logLikelihoods(
          of: (3..<40).map { Continuation(prompt: prompt, ids: answer[..<index] + [Int32($0)]) },
          images: { _ in [image] }
        ).map { $0[index] }
        #expect(best.allSatisfy { $0 <= score + 1e-4 })
      }
    }
  }

  @Test func refusesWhatIsNotSupported() throws {
    let config = try JSONReader(file: fixture.path + "/config.json")
    func refusal(_ path: [String], _ value: JSON) -> String {
      func changed(_ json: JSON, _ path: ArraySlice<String>) -> JSON {
        guard let key = path.first, case .object(var object) = json else { return value }
        object[key] = changed(object[key] ?? .null, path.dropFirst())
        return .object(object)
      }
      do {
        _ = try PaliGemma(config: JSONReader(changed(config.value, path[...]), path: "config.json"))
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(refusal([], config.value) == "nothing")
    for (path, value, words) in [
      (["text_config", "model_type"], "llama", "gemma, gemma2"),
      (["text_config", "use_bidirectional_attention"], false, "expected true"),
      (["vision_config", "model_type"], "clip_vision_model", "siglip_vision_model"),
      (["vision_config", "vision_use_head"], true, "expected false"),
      (["vision_config", "attention_dropout"], 0.1, "expected 0"),
      (["image_token_index"], 40, "below text_config.vocab_size, 40"),
      (["projection_dim"], 17, "16, text_config.hidden_size"),
    ] as [([String], JSON, String)] {
      let refused = refusal(path, value)
      #expect(refused.contains("key " + path.joined(separator: ".")), "\(refused)")
      #expect(refused.contains(words), "\(refused)")
    }
    let dynamic: JSON = ["rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0]
    #expect(refusal(["text_config", "rope_parameters"], dynamic).contains("does not change with a sequence's length"))
  }
}
