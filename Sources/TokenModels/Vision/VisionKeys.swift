// SPDX-License-Identifier: Apache-2.0
import Files

// Keys that `config.json` of several models that see has.
extension JSONReader {
  /// `text_config`, of one of some types, the first where it names none.
  ///
  /// - Parameter folder: the `model_type` of the whole, for errors.
  func languageModel(of types: [String], in folder: String) throws(InputError) -> JSONReader {
    let text = try at("text_config")
    guard let type = try text.ifPresent("model_type") else {
      var object = try text.object()
      object["model_type"] = .string(types[0])
      return child("text_config", .object(object))
    }
    if !types.contains(try type.string()) {
      throw type.error(
        expected: types.joined(separator: ", ") + ", the only language models supported in a \(folder) folder")
    }
    return text
  }

  /// A `text_config` whose embeddings are tied as the key beside it says.
  ///
  /// - Parameter usual: what holds where there is none; nil: what `text_config` says.
  func tying(_ config: JSONReader, default usual: Bool?) throws(InputError) -> JSONReader {
    let own = try config.ifPresent("tie_word_embeddings")?.bool()
    guard let ties = own ?? usual else { return self }
    var object = try object()
    object["tie_word_embeddings"] = .bool(ties)
    return config.child("text_config", .object(object))
  }

  /// A `text_config` whose embeddings are tied if it or the key beside it says so.
  func tyingToo(_ config: JSONReader) throws(InputError) -> JSONReader {
    guard try config.ifPresent("tie_word_embeddings")?.bool() ?? false else { return self }
    return try tying(config, default: nil)
  }

  /// `vision_feature_layer`, of how many layers of a tower the output is taken. It names a hidden state by index, 0 being
  /// the embeddings; negative ones count from the end.
  func featureLayers(of all: Int, default usual: Int) throws(InputError) -> Int {
    let value = try ifPresent("vision_feature_layer") ?? child("vision_feature_layer", .int(usual))
    if case .array = value.value {
      throw value.error(expected: "one layer; several side by side are not supported")
    }
    let index = try value.int(), count = index < 0 ? all + 1 + index : index
    guard (0...all).contains(count) else { throw value.error(expected: "one of \(-all - 1) ... \(all)") }
    return count
  }

  /// An id of the decoder's vocabulary, under the first of these keys that is there.
  func token(_ keys: [String], default usual: Int, below rows: Int) throws(InputError) -> Int {
    var key = keys[0]
    for other in keys.reversed() where try ifPresent(other) != nil { key = other }
    let id = try ifPresent(key)?.int() ?? usual
    guard (0..<rows).contains(id) else {
      throw child(key, .int(id)).error(expected: "an id below text_config.vocab_size, \(rows)", found: "\(id)")
    }
    return id
  }
}
