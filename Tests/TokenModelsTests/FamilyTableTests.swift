// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// What `Tests/Fixtures/decoders/checkpoints.py` wrote: configurations of published checkpoints, and transformers'
/// defaults.
@Suite struct FamilyTableTests {
  private static func file() throws -> JSONReader {
    try JSONReader(file: FamilyFixture.folder + "/checkpoints.json")
  }

  /// A `config.json` with nothing but its type means what transformers' class means.
  @Test func defaultsEqualTransformers() throws {
    let all = try Self.file().at("defaults")
    #expect(try all.object().count == CausalLM.modelTypes.count)
    for type in CausalLM.modelTypes {
      let wanted = try all.at(type)
      let c = try DecoderConfiguration(JSONReader(["model_type": .string(type)], path: type))
      let sizes = [
        ("vocab_size", c.vocabularySize), ("hidden_size", c.hiddenSize), ("intermediate_size", c.intermediateSize),
        ("num_hidden_layers", c.layers), ("num_attention_heads", c.heads), ("num_key_value_heads", c.keyValueHeads),
        ("max_position_embeddings", c.contextLength),
      ]
      for (key, value) in sizes { #expect(try wanted.int(at: key) == value, "\(type) \(key)") }
      let width = try wanted.ifPresent("head_dim")?.int() ?? c.hiddenSize / c.heads
      #expect(c.headDimension == width, "\(type)")
      #expect(try wanted.double(at: "rms_norm_eps") == c.epsilon, "\(type)")
      #expect(try wanted.double(at: "initializer_range") == c.initialDeviation, "\(type)")
      #expect(try wanted.bool(at: "tie_word_embeddings") == c.tiesEmbeddings, "\(type)")
      #expect(try wanted.double(at: "theta") == c.theta, "\(type)")
      let windows = try wanted.at("windows").elements().map { try $0.int() }
      if !windows.isEmpty, !c.parts.windows.isEmpty { #expect(c.parts.windows.map { $0 ?? 0 } == windows, "\(type)") }
      if windows.contains(where: { $0 > 0 }) { #expect(!c.parts.windows.isEmpty, "\(type)") }
    }
  }

  /// The table of docs/models.md says which checkpoints load. `DIST2_WRITE_TABLE=1` writes it.
  @Test func theTableOfCheckpointsIsTrue() throws {
    let temporary = try TemporaryFolder()
    var lines = ["| Checkpoint | `model_type` | loads |", "|---|---|---|"]
    for row in try Self.file().at("checkpoints").elements() {
      let config = try row.at("config"), type = try config.string(at: "model_type")
      try Data(config.value.text().utf8).write(to: URL(filePath: temporary.path + "/config.json"))
      var verdict = "yes"
      do {
        _ = try describeModel(folder: temporary.path)
      } catch let error as InputError {
        #expect(error.path == temporary.path + "/config.json")
        verdict = "no: \(error.place)"
      }
      lines.append("| \(try row.string(at: "name")) | `\(type)` | \(verdict) |")
    }
    let path = URL(filePath: FamilyFixture.folder + "/../../../docs/models.md").standardized
    let text = try String(contentsOf: path, encoding: .utf8), table = lines.joined(separator: "\n")
    let marks = ("<!-- checkpoints -->\n", "\n<!-- end -->")
    let start = try #require(text.range(of: marks.0)?.upperBound)
    let end = try #require(text.range(of: marks.1)?.lowerBound)
    if ProcessInfo.processInfo.environment["DIST2_WRITE_TABLE"] != nil {
      try text.replacingCharacters(in: start..<end, with: table).write(to: path, atomically: true, encoding: .utf8)
      return
    }
    #expect(String(text[start..<end]) == table)
  }
}
