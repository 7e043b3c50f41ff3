// SPDX-License-Identifier: Apache-2.0
import Files
import TokenModels

/// The keys of one architecture in the metadata of a file.
struct GGUFKeys {
  let metadata: GGUFMetadata
  /// What stands before their names: `llama.`
  let prefix: String

  init(_ metadata: GGUFMetadata, prefix: String) { (self.metadata, self.prefix) = (metadata, prefix) }

  /// A whole number of `1 ... limit`.
  func count(_ name: String, default: Int? = nil, limit: Int) throws(InputError) -> Int {
    guard let value = try metadata.int(prefix + name) ?? `default`, (1...limit).contains(value) else {
      throw error(name, expected: "a whole number of 1 ... \(limit)")
    }
    return value
  }

  /// A number above 0, as the decimal that was meant when it was stored as a 32-bit float.
  func positive(_ name: String, default: Double? = nil) throws(InputError) -> Double {
    guard let value = try metadata.double(prefix + name) ?? `default`, value > 0 else {
      throw error(name, expected: "a number above 0")
    }
    guard Double(Float(value)) == value else { return value }
    return Double("\(Float(value))") ?? value
  }

  /// A bound that is approached, as `config.json` has it; 0 and, without a default, absence stand for none.
  func cap(_ name: String, default: Double?) throws(InputError) -> JSON {
    let stated = try metadata.double(prefix + name)
    if stated == 0 || stated == nil && `default` == nil { return nil }
    return .double(try positive(name, default: `default`))
  }

  func error(_ name: String, expected: String, found: String? = nil) -> InputError {
    metadata.error(prefix + name, expected: expected, found: found)
  }

  /// Throws unless heads divide, and have a width that rotation can do with.
  ///
  /// - Parameter rotatesPart: whether only a part of a head may be rotated.
  func checkHeads(_ model: DecoderConfiguration, rotatesPart: Bool) throws(InputError) {
    if model.heads % model.keyValueHeads != 0 {
      throw error("attention.head_count_kv", expected: "a divisor of the \(model.heads) heads")
    }
    if metadata[prefix + "attention.key_length"] == nil, model.hiddenSize % model.heads != 0 {
      throw error("embedding_length", expected: "a multiple of the \(model.heads) heads")
    }
    if model.headDimension % 2 != 0 {
      throw error("attention.key_length", expected: "an even width of a head", found: "\(model.headDimension)")
    }
    for name in ["attention.value_length", "rope.dimension_count"] {
      if rotatesPart, name == "rope.dimension_count" { continue }
      if let width = try metadata.int(prefix + name), width != model.headDimension {
        throw error(name, expected: "\(model.headDimension), the width of a head")
      }
    }
  }
}
