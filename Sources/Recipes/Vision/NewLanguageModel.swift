// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData
import TokenModels
import Torch
import TorchNN

/// A language model of our own to train from nothing: a decoder of the Llama family with randomly initialised weights
/// that reads bytes. For experiments on small machines, where a vocabulary of tens of thousands would be most of the
/// work.
public struct NewLanguageModel: Sendable {
  /// Width of the hidden states; a multiple of twice the heads.
  public var width: Int
  /// Blocks of the decoder.
  public var layers: Int
  /// Heads of attention.
  public var heads: Int
  /// Longest sequence in tokens.
  public var contextLength: Int
  /// Texts that are read as one token each, besides bytes: without digits, which stay single.
  public var words: [String] = []
  /// Seed of the weights.
  public var seed: UInt64

  /// The default has 0.9 million parameters.
  public init(width: Int = 128, layers: Int = 4, heads: Int = 4, contextLength: Int = 2048, seed: UInt64 = 0) {
    (self.width, self.layers, self.heads) = (width, layers, heads)
    (self.contextLength, self.seed) = (contextLength, seed)
  }

  /// Makes the folder, which transformers reads as well.
  ///
  /// - Parameters:
  ///   - folder: the folder to make; it appears whole or not at all.
  ///   - replacing: whether a folder of that name may be there.
  /// - Returns: its parameters.
  /// - Throws: `InputError` for sizes that do not fit, a folder that cannot be written.
  @discardableResult
  public func write(to folder: String, replacing: Bool = false) throws -> Int {
    // No more than any folder may state.
    guard (1...1 << 20).contains(width), (1...1 << 12).contains(layers), (1...1 << 12).contains(heads),
      (1...1 << 31).contains(contextLength), width % (2 * heads) == 0
    else {
      throw InputError(
        path: folder, place: "sizes",
        expected: "numbers above 0, the width at most \(1 << 20) and a multiple of twice the heads, at most "
          + "\(1 << 12) layers and heads, a context of at most \(1 << 31)",
        found: "width \(width), \(layers) layers, \(heads) heads, context \(contextLength)")
    }
    guard ByteTokenizer.areWords(words) else {
      throw InputError(
        path: folder, place: "words", expected: "distinct texts of more than one letter, without digits",
        found: "\(words)")
    }
    let tokenizer = ByteTokenizer(words: words)
    let configuration = LlamaConfiguration(
      // A multiple of 64 suits the matrix products.
      vocabularySize: (tokenizer.count + 63) / 64 * 64, hiddenSize: width, intermediateSize: 3 * width, layers: layers,
      heads: heads, contextLength: contextLength, endTokens: [ByteTokenizer.endToken])
    return try withTorchErrors {
      let model = Llama(configuration)
      try requireMemory(
        bytes: 4 * numberCount(model), path: folder, for: "weights of these sizes",
        remedy: "Take a smaller --width or fewer --layers.")
      model.initialise(standardDeviation: nil, generator: Generator(seed: seed))
      try model.save(to: folder, replacing: replacing) { partial in
        try write(tokenizer.json, to: partial + "/tokenizer.json")
        try write(
          tokenizer.configurationJSON(contextLength: contextLength), to: partial + "/tokenizer_config.json")
      }
      return model.parameters().reduce(0) { $0 + $1.tensor.count }
    }
  }

  private func write(_ json: JSON, to path: String) throws {
    try AtomicFile.write(json, to: path)
  }
}
