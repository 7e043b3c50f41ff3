// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The weights of a Hugging Face folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
public struct SafetensorsFolder: Sendable {
  /// The folder.
  public let path: String
  /// The files, one unless sharded.
  public let files: [SafetensorsFile]
  /// Which file holds which tensor.
  private let fileIndices: [String: Int]

  /// The name of the weights in one file.
  public static let fileName = "model.safetensors"
  /// The name of the list of shards.
  public static let indexName = "model.safetensors.index.json"

  /// Maps the weights of a folder and checks their headers, and that each tensor is in the shard the index says.
  ///
  /// - Throws: `InputError` if there are no weights, a shard is absent or outside the folder, or index and shards differ.
  public init(_ path: String, copyOnWrite: Bool = false) throws(InputError) {
    self.path = path
    if access(path + "/" + Self.fileName, F_OK) == 0 {
      files = [try SafetensorsFile(path + "/" + Self.fileName, copyOnWrite: copyOnWrite)]
      fileIndices = Dictionary(uniqueKeysWithValues: files[0].tensors.map { ($0.name, 0) })
      return
    }
    let indexPath = path + "/" + Self.indexName
    guard access(indexPath, F_OK) == 0 else { throw Self.noWeights(in: path) }
    let map = try JSONReader(file: indexPath, limit: SafetensorsFile.headerLimit).at("weight_map")
    var shards: [String: Int] = [:]
    var files: [SafetensorsFile] = []
    var fileIndices: [String: Int] = [:]
    for (tensor, value) in try map.object().members {
      let entry = map.child(tensor, value)
      let shard = try Self.shardName(entry)
      let index = shards[shard] ?? files.count
      if index == files.count {
        shards[shard] = index
        files.append(try SafetensorsFile(path + "/" + shard, copyOnWrite: copyOnWrite))
      }
      guard files[index][tensor] != nil else {
        throw entry.error(expected: "the shard that holds this tensor", found: "\(shard), which does not")
      }
      fileIndices[tensor] = index
    }
    for (index, file) in files.enumerated() {
      for tensor in file.tensors where fileIndices[tensor.name] != index {
        throw InputError(
          path: file.file.path, place: "tensor \(tensor.name)", expected: "only tensors that the index puts here",
          found: fileIndices[tensor.name].map { "that it names \(files[$0].file.path)" } ?? "that it names it nowhere",
          remedy: "Index and shards are not of one checkpoint; fetch them again.")
      }
    }
    (self.files, self.fileIndices) = (files, fileIndices)
  }

  /// All tensors, file by file.
  public var tensors: [SafetensorsTensor] { files.flatMap(\.tensors) }

  /// The tensor of that name, or nil.
  public subscript(name: String) -> SafetensorsTensor? { fileIndices[name].flatMap { files[$0][name] } }

  /// The file name in an index, which may not lead out of the folder.
  private static func shardName(_ entry: JSONReader) throws(InputError) -> String {
    let name = try entry.string()
    guard name.hasSuffix(".safetensors"), !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0) else {
      throw entry.error(expected: "the name of a .safetensors file in the same folder")
    }
    return name
  }

  private static func noWeights(in path: String) -> InputError {
    do {
      let names = try names(inFolder: path)
      let hasPickle = names.contains { $0.hasSuffix(".bin") || $0.hasSuffix(".pt") || $0.hasSuffix(".pth") }
      let gguf = names.first { $0.hasSuffix(".gguf") }
      return InputError(
        path: path, expected: "\(fileName) or \(indexName) in the folder",
        found: names.isEmpty ? "an empty folder" : "\(names.count) other names",
        remedy: gguf.map { "Bring \($0) into this form with `dist2 import`." }
          ?? (hasPickle ? "dist2 opens no pickle: save the model as safetensors first." : ""))
    } catch {
      return error
    }
  }
}
