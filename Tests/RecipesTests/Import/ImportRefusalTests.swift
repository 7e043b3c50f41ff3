// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Files
import Foundation
import Recipes
import Testing

@Suite struct ImportRefusalTests {
  /// What is done to a file, and what the error says.
  private struct Damage: CustomTestStringConvertible, Sendable {
    let name: String
    let file: String
    let message: [String]
    let change: @Sendable (inout EditableGGUF) throws -> Void
    var testDescription: String { name }

    init(
      _ name: String, of file: String = "smollm", says message: String...,
      change: @escaping @Sendable (inout EditableGGUF) throws -> Void
    ) {
      (self.name, self.file, self.message, self.change) = (name, file, message, change)
    }
  }

  private static let damages = [
    Damage("another architecture", says: "key general.architecture", "expected one of llama", "bloom") {
      try $0.set("general.architecture", to: "bloom")
    },
    Damage("no architecture", says: "key general.architecture", "no such key") {
      try $0.rename("general.architecture", to: "general.architectura")
    },
    Damage("experts", says: "llama.expert_count") {
      $0.insert("llama.expert_count", 4, [8, 0, 0, 0])
    },
    Damage("a sliding window", says: "llama.attention.sliding_window", "number 16") {
      $0.insert("llama.attention.sliding_window", 4, [16, 0, 0, 0])
    },
    Damage("reading in both directions", says: "llama.attention.causal", "both directions") {
      $0.insert("llama.attention.causal", 7, [0])
    },
    // Converters fill gaps of the vocabulary with tokens that no text has.
    Damage("a begin token that fills a gap", of: "llama3", says: "tokenizer.ggml.bos_token_id", "[PAD300]") {
      try $0.set("tokenizer.ggml.bos_token_id", to: UInt32(300))
    },
    Damage("one part of several", says: "split.count", "gguf-split --merge") {
      $0.insert("split.count", 2, [3, 0])
    },
    Damage("another kind of scaling", says: "llama.rope.scaling.type", "su24") {
      $0.insert("llama.rope.scaling.type", 8, [4, 0, 0, 0, 0, 0, 0, 0] + Array("su24".utf8))
    },
    Damage("a head of another width", says: "llama.rope.dimension_count", "expected 8") {
      try $0.set("llama.rope.dimension_count", to: UInt32(6))
    },
    Damage("no layers", says: "llama.block_count") {
      try $0.set("llama.block_count", to: UInt32(0))
    },
    Damage("layers without end", says: "llama.block_count", "\(UInt32.max)") {
      try $0.set("llama.block_count", to: UInt32.max)
    },
    Damage("a layer too many", says: "tensor blk.1.", "no use for") {
      try $0.set("llama.block_count", to: UInt32(1))
    },
    Damage("a layer too few", says: "tensor blk.2.attn_norm.weight", "no such tensor") {
      try $0.set("llama.block_count", to: UInt32(3))
    },
    Damage("heads that do not divide", says: "llama.attention.head_count_kv", "divisor of the 4 heads") {
      try $0.set("llama.attention.head_count_kv", to: UInt32(3))
    },
    Damage("another number of heads", says: "tensor blk.0.attn_k.weight", "expected shape [8, 32], found [16, 32]") {
      try $0.set("llama.attention.head_count_kv", to: UInt32(1))
    },
    Damage("an epsilon of 0", says: "llama.attention.layer_norm_rms_epsilon", "above 0") {
      try $0.set("llama.attention.layer_norm_rms_epsilon", to: UInt32(0))
    },
    Damage("a missing tensor", says: "tensor blk.1.ffn_up.weight", "no such tensor") {
      try $0.rename("blk.1.ffn_up.weight", to: "blk.1.ffn_uq.weight")
    },
    Damage("only a vocabulary", says: "tensor token_embd.weight", "only its vocabulary") {
      try $0.rename("token_embd.weight", to: "token_embe.weight")
    },
    Damage("factors that are not Llama 3's", of: "llama3", says: "tensor rope_freqs.weight") {
      try $0.setFirst(of: "rope_freqs.weight", to: 3)
    },
    Damage("another model of tokenizer", says: "tokenizer.ggml.model", "bert") {
      try $0.set("tokenizer.ggml.model", to: "bert")
    },
    Damage("unknown cutting rules", says: "tokenizer.ggml.pre", "smolln") {
      try $0.set("tokenizer.ggml.pre", to: "smolln")
    },
    Damage("a merge that makes no token", says: "tokenizer.ggml.merges[0]") {
      $0.set(UInt8(ascii: "!"), at: try $0.value(of: "tokenizer.ggml.merges") + 20)
    },
    Damage("a token twice", says: "tokenizer.ggml.tokens[4]", "again") {
      let position = try $0.value(of: "tokenizer.ggml.tokens") + 12
      // The fifth token, a byte, becomes like the fourth; the three before are longer.
      let fourth = position + 8 + 13 + 8 + 12 + 8 + 10 + 8
      $0.set($0.bytes[fourth], at: fourth + 9)
    },
    Damage("a token that is not UTF-8", says: "tokenizer.ggml.tokens[0]", "UTF-8") {
      $0.set(0xFF as UInt8, at: try $0.value(of: "tokenizer.ggml.tokens") + 20)
    },
    Damage("another type of token", says: "tokenizer.ggml.token_type[0]", "9") {
      $0.set(9 as Int32, at: try $0.value(of: "tokenizer.ggml.token_type") + 12)
    },
    Damage("a token out of range", says: "tokenizer.ggml.bos_token_id", "9999") {
      try $0.set("tokenizer.ggml.bos_token_id", to: UInt32(9999))
    },
    Damage("scores that are not numbers", of: "llama2", says: "tokenizer.ggml.scores", "numbers") {
      $0.set(Float.nan.bitPattern, at: try $0.value(of: "tokenizer.ggml.scores") + 12)
    },
  ]

  @Test(arguments: damages) private func refused(_ damage: Damage) throws {
    var file = try EditableGGUF(importFixtures + "/\(damage.file).gguf")
    try damage.change(&file)
    try withImportFolder { folder in
      let path = folder + "/model.gguf"
      try file.write(to: path)
      do {
        _ = try GGUFImport(path)
        Issue.record("nothing was thrown")
      } catch let error as InputError {
        #expect(error.path == path)
        for part in damage.message { #expect(error.description.contains(part), "\(error)") }
      }
    }
  }

  @Test func weightsThatAreNoNumbers() throws {
    for (value, tensor) in [(Float.nan, "output_norm.weight"), (-.infinity, "blk.0.attn_norm.weight")] {
      try expectNothingLeft(
        tensor, value, precision: .f32, message: "tensor \(tensor), row 0, column 0: expected finite")
    }
  }

  @Test func weightsBeyondTheFormat() throws {
    try expectNothingLeft("output_norm.weight", 1e6, precision: .f16, message: "Choose f32 or bf16.")
  }

  /// Importing with that first weight fails when the weights are written, and leaves the folder as it was before.
  private func expectNothingLeft(
    _ tensor: String, _ value: Float, precision: GGUFImport.Precision, message: String
  ) throws {
    var file = try EditableGGUF(importFixtures + "/smollm.gguf")
    try file.setFirst(of: tensor, to: value)
    try withImportFolder { folder in
      try file.write(to: folder + "/model.gguf")
      let model = try GGUFImport(folder + "/model.gguf")
      do {
        _ = try model.write(to: folder + "/model", precision: precision)
        Issue.record("nothing was thrown")
      } catch let error as InputError {
        #expect(error.description.contains(message), "\(error)")
      }
      try #expect(FileManager.default.contentsOfDirectory(atPath: folder) == ["model.gguf"])
    }
  }

  @Test func folderThatIsThere() throws {
    let model = try GGUFImport(importFixtures + "/smollm.gguf")
    try withImportFolder { folder in
      do {
        _ = try model.write(to: folder)
        Issue.record("nothing was thrown")
      } catch let error as InputError {
        #expect(error.path == folder)
        #expect(error.found == "that it exists already")
      }
      _ = try model.write(to: folder, replacing: true)
      try #expect(FileManager.default.contentsOfDirectory(atPath: folder).count == 5)
    }
  }

  @Test func notAFile() throws {
    for path in ["/absent.gguf", importFixtures, importFixtures + "/make.py"] {
      do {
        _ = try GGUFImport(path)
        Issue.record("nothing was thrown")
      } catch {
        #expect(error.path == path)
      }
    }
  }

  /// Thousands of damaged copies: each is imported or refused. A few of those that can be read are also written.
  @Test(arguments: ["smollm", "llama3", "llama2"]) func survivesDamage(_ name: String) throws {
    let whole = try EditableGGUF(importFixtures + "/\(name).gguf")
    // Most of the file are weights, where damage is harmless; most of the damage is done before them.
    let header = try GGUFFile(importFixtures + "/\(name).gguf").tensors[0].range.lowerBound
    try withImportFolder { folder in
      var read = 0
      func attempt(_ bytes: [UInt8], _ label: String) throws {
        let path = folder + "/" + label
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
          let model = try GGUFImport(path)
          read += 1
          if read % 16 == 0 { _ = try model.write(to: folder + "/out", replacing: true) }
        } catch let error as InputError {
          #expect(error.path.hasPrefix(folder), "\(error)")
          #expect(!error.expected.isEmpty, "\(error)")
          #expect(!error.found.isEmpty, "\(error)")
        }
      }
      for part in 0..<50 { try attempt(Array(whole.bytes[..<(whole.bytes.count * part / 50)]), "cut \(part) of 50") }
      #expect(read == 0)
      var state: UInt64 = 1
      func random(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
      }
      for seed in 0..<1000 {
        var bytes = whole.bytes
        for _ in 0...random(below: 3) {
          let index = random(below: 8) == 0 ? random(below: bytes.count) : random(below: header)
          bytes[index] = random(below: 2) == 0 ? UInt8(random(below: 256)) : bytes[index] ^ 1 << random(below: 8)
        }
        try attempt(bytes, "seed \(seed)")
      }
      #expect(read > 0)
    }
  }
}
