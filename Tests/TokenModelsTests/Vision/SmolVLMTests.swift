// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// What is Idefics3's and SmolVLM's own: runs of tokens with marks between views, and what `config.json` may say.
@Suite struct SmolVLMTests {
  /// An image that two runs show, as in a contrastive pass, is encoded once, marks being left as they are.
  @Test func oneImageInTwoPlaces() throws {
    let fixture = VisionFixture.all[2], model = try fixture.model(), shown = try fixture.images()[0]
    let ids = try fixture.expected("ids").array(of: Int64.self)
    let run = Array(ids[shown.start..<shown.start + shown.count]), row = [3, 4] + run + [5] + run + [6]
    let tokens = Tensor(row, shape: [1, row.count]), starts = [2, 3 + shown.count]
    func hidden(_ images: [[Int]]) throws -> Tensor {
      let images = images.map { starts in
        var image = shown.image
        image.starts = starts
        return image
      }
      let input = ModelInput(ids: tokens, images: try fixture.input(of: images, tokens))
      return noGrad { model.hidden(input, cache: nil, rows: nil) }
    }
    #expect(difference(try hidden([starts]), try hidden(starts.map { [$0] })) < 1e-5)
  }

  @Test func refusesWhatIsNotSupported() throws {
    let config = try JSONReader(file: VisionFixture.all[2].path + "/config.json")
    func refusal(_ path: [String], _ value: JSON) -> String {
      func changed(_ json: JSON, _ path: ArraySlice<String>) -> JSON {
        guard let key = path.first, case .object(var object) = json else { return value }
        object[key] = changed(object[key] ?? .null, path.dropFirst())
        return .object(object)
      }
      do {
        _ = try SmolVLM(config: JSONReader(changed(config.value, path[...]), path: "config.json"))
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(refusal([], config.value) == "nothing")
    for (path, value, words) in [
      (["text_config", "model_type"], "mistral", "llama"),
      (["vision_config", "model_type"], "siglip_vision_model", "idefics3_vision"),
      (["vision_config", "attention_dropout"], 0.1, "expected 0"),
      (["vision_config", "image_size"], 100, "patches along a side than 25"),
      (["image_token_id"], 40, "below text_config.vocab_size, 40"),
      (["scale_factor"], 3, "a divisor of the 4 patches"),
    ] as [([String], JSON, String)] {
      let refused = refusal(path, value)
      #expect(refused.contains("key " + path.joined(separator: ".")), "\(refused)")
      #expect(refused.contains(words), "\(refused)")
    }
    // Those of the published models: 26 and 32 patches along a side.
    for (image, patch) in [(364, 14), (512, 16), (384, 14)] {
      let vision: JSON = [
        "hidden_size": 12, "num_attention_heads": 2, "image_size": .int(image), "patch_size": .int(patch),
      ]
      let refused = refusal(["vision_config"], vision)
      #expect(refused == "nothing" || refused.contains("scale_factor"), "\(refused)")
    }
  }
}
