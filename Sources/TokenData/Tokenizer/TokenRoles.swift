// SPDX-License-Identifier: Apache-2.0
import Files

/// Tokens with a role, as `tokenizer_config.json`, `special_tokens_map.json` and `generation_config.json` name them.
public struct TokenRoles: Sendable, Equatable {
  /// Begin of text.
  public var begin: Int32?
  /// End of text.
  public var end: Int32?
  /// All ids that end a generated answer: `end` and those of `generation_config.json` and `config.json`. In ascending
  /// order.
  public var ends: [Int32] = []
  /// Padding.
  public var pad: Int32?
  /// Stands for what the vocabulary lacks.
  public var unknown: Int32?

  /// No roles.
  public init() {}

  /// Reads the files of a folder that are there.
  ///
  /// - Parameters:
  ///   - count: ids are below it.
  ///   - id: the id of a token.
  init(folder: String, count: Int, id: (String) -> Int32?) throws(InputError) {
    let files = [try Self.file(folder, "tokenizer_config.json"), try Self.file(folder, "special_tokens_map.json")]
    func role(_ key: String) throws(InputError) -> Int32? {
      for case let file? in files {
        guard let named = try file.ifPresent(key) else { continue }
        // Either the token itself or an object with its content.
        if case .object = named.value { return try Self.token(try named.at("content"), id) }
        return try Self.token(named, id)
      }
      return nil
    }
    begin = try role("bos_token")
    end = try role("eos_token")
    pad = try role("pad_token")
    unknown = try role("unk_token")
    var all = Set([end].compactMap { $0 })
    if let list = try Self.file(folder, "generation_config.json")?.ifPresent("eos_token_id") {
      var items = [list]
      if case .array = list.value { items = try list.elements() }
      for item in items {
        guard case let id = try item.int(), id >= 0, id < count else {
          throw item.error(expected: "an id, 0 ..< \(count)")
        }
        all.insert(Int32(id))
      }
    }
    all.formUnion(try Self.configured(folder, count))
    ends = all.sorted()
  }

  /// The end tokens of `config.json`: one or a list, of the model or of the language model in it. Defaults of a
  /// configuration's class may stand there, so what no id can be is passed over.
  private static func configured(_ folder: String, _ count: Int) throws(InputError) -> [Int32] {
    guard let config = try file(folder, "config.json"), case .object = config.value else { return [] }
    var ids = [Int32]()
    for part in [config.value, config.value["text_config"]] {
      guard let found = part?["eos_token_id"] else { continue }
      let items = if case .array(let list) = found { list } else { [found] }
      for case .int(let id) in items where id >= 0 && id < count { ids.append(Int32(id)) }
    }
    return ids
  }

  private static func token(_ json: JSONReader, _ id: (String) -> Int32?) throws(InputError) -> Int32 {
    guard let id = id(try json.string()) else { throw json.error(expected: "a token of tokenizer.json") }
    return id
  }

  private static func file(_ folder: String, _ name: String) throws(InputError) -> JSONReader? {
    let path = folder + "/" + name
    guard fileExists(path) else { return nil }
    return try JSONReader(file: path)
  }
}
