// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Files
import Foundation
import Jinja
import Recipes
import TokenData

/// A reader, and valid inputs for it.
struct FuzzTarget: Sendable {
  let name: String
  /// End of the input's file name.
  let suffix: String
  let seeds: @Sendable () throws -> [[UInt8]]
  /// Reads an input, which the file holds as well.
  let read: @Sendable (_ bytes: [UInt8], _ path: String) throws -> Void

  /// Reads an input; that it is refused is as good as that it is read.
  func attempt(_ bytes: [UInt8], _ path: String) throws {
    do { try read(bytes, path) } catch is InputError {}
  }

  static let all: [FuzzTarget] = [
    FuzzTarget(name: "safetensors", suffix: "safetensors", seeds: fixtures("safetensors", [".safetensors"])) {
      _, path in
      for tensor in try SafetensorsFile(path).tensors { _ = tensor.shape.count }
    },
    FuzzTarget(name: "gguf", suffix: "gguf", seeds: fixtures("import", [".gguf"])) { _, path in
      _ = try GGUFImport(path)
    },
    FuzzTarget(name: "tokenizer", suffix: "json", seeds: fixtures("import", [".tokenizer.json"])) { _, path in
      let tokenizer = try Tokenizer(json: path)
      for text in samples {
        do { try tokenizer.check(text, source: "sample") } catch { continue }
        _ = tokenizer.decode(tokenizer.encode(text).ids)
      }
    },
    FuzzTarget(name: "jsonl", suffix: "jsonl", seeds: { [records] }) { _, path in
      let file = try JSONLFile(path), reader = RecordReader()
      for index in 0..<file.count {
        do { _ = try reader.record(file, index) } catch is InputError { continue }
      }
    },
    FuzzTarget(name: "csv", suffix: "csv", seeds: { tables.map { Array($0.utf8) } }) { _, path in try readRows(path) },
    FuzzTarget(name: "array", suffix: "json", seeds: { [Array(array.utf8)] }) { _, path in try readRows(path) },
    FuzzTarget(name: "template", suffix: "txt", seeds: { [Array("a {x:05}, {y} {{b}}: {x:.2f}".utf8)] }) { bytes, _ in
      let text = String(decoding: bytes, as: UTF8.self)
      do { _ = try ColumnTemplate(prompt: text, completion: text) } catch {}
    },
    FuzzTarget(name: "yaml", suffix: "yaml", seeds: { [runFile] }) { bytes, _ in
      _ = try RunSettings(yaml: String(decoding: bytes, as: UTF8.self))
    },
    FuzzTarget(name: "set", suffix: "txt", seeds: { assignments.map { Array($0.utf8) } }) { bytes, _ in
      _ = try RunSettings(
        yaml: String(decoding: runFile, as: UTF8.self), overrides: [String(decoding: bytes, as: UTF8.self)])
    },
    FuzzTarget(name: "npy", suffix: "npy", seeds: { [numPy] }) { _, path in try readImages(path) },
    FuzzTarget(name: "npz", suffix: "npz", seeds: { [try zipped()] }) { _, path in try readImages(path) },
    FuzzTarget(name: "png", suffix: "png", seeds: { [try image.png()] }) { _, path in
      _ = try PixelImage.size(ofFile: path)
      _ = try PixelImage(file: path)
    },
    FuzzTarget(name: "jpeg", suffix: "jpg", seeds: fixtures("images", [".jpg", ".jpeg"])) { _, path in
      _ = try PixelImage.size(ofFile: path)
      _ = try PixelImage(file: path)
    },
    FuzzTarget(name: "jinja", suffix: "jinja", seeds: templates) { bytes, path in
      let template = try JinjaTemplate(String(decoding: bytes, as: UTF8.self), path: path)
      for prompt in [false, true] {
        _ = try template.render(messages: conversation, addGenerationPrompt: prompt, bosToken: "<s>", eosToken: "</s>")
      }
    },
    ServerTarget.target,
  ]

  /// The files below a folder of the fixtures whose names end so.
  private static func fixtures(_ folder: String, _ suffixes: [String]) -> @Sendable () throws -> [[UInt8]] {
    {
      let root = "Tests/Fixtures/\(folder)"
      let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
      return try names.sorted().filter { name in suffixes.contains { name.hasSuffix($0) } }
        .map { try Array(Data(contentsOf: URL(filePath: "\(root)/\($0)"))) }
    }
  }

  /// Whole chat templates, and a template for each part of the language.
  @Sendable private static func templates() throws -> [[UInt8]] {
    let lines = try Data(contentsOf: URL(filePath: "Tests/Fixtures/jinja/expressions.txt")).split(separator: 0x0A)
    return try fixtures("jinja/templates", [".jinja"])() + lines.filter { $0.first != 0x23 }.map { Array($0) }
  }

  private static func readRows(_ path: String) throws {
    let template = try? ColumnTemplate(prompt: "{x} {name}", completion: "{y:07.2f}")
    let files = try DataFiles(path), reader = RecordReader(template: template)
    for index in 0..<files.count {
      // A bad row is left out; the next is read all the same.
      _ = try? reader.record(files, index)
    }
  }

  private static func readImages(_ path: String) throws {
    let reader = try ImageReader(path)
    while try reader.next(16) != nil {}
  }
}

private let conversation: [JSON] = [
  ["role": "user", "content": "<b>hi</b> é"],
  [
    "role": "assistant", "content": "",
    "tool_calls": [["function": ["name": "f", "arguments": ["x": [1, 2.5, nil]]]]],
  ],
  ["role": "tool", "content": [["type": "text", "text": "5"]]],
]

private let samples = ["", "The answer is 42.", "ｆｕｌｌ ﷺ é", String(repeating: "a", count: 2000), " \n\t  x"]

private let records = Array(
  """
  {"prompt": "2+3=", "completion": "5", "id": 7}
  {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [{"type": "text", "text": "5"}]}]}
  {"text": "a \\u00e9 b", "spans": {"x": [[0, 1]]}}

  """.utf8)

private let tables = [
  "x,name,y\n1,a,2.5\n\"2\",\"b, \"\"c\"\"\",1e3\n\n3,\"d\ne\",-0.5\r\n", "x;name;y\n1,5;a;2\n2;b;3\n",
  "\u{FEFF}x\tname\ty\r1\ta\t2\r",
]

private let array =
  "[{\"x\": 1, \"name\": \"a]}\", \"y\": 0.50},\n {\"x\": \"2\", \"name\": \"\\\"[\", \"y\": 1e3} ]\n"

private let runFile = Array(
  """
  model: m
  data: { train: t.jsonl, maxLength: 512, limit: 10 }
  metrics:
    - { name: y, tokens: { integers: [0, 20] }, temperature: 2, weight: 1, where: { delimiters: ["<b>", "</b>"] } }
    - { name: z, tokens: { bins: { pattern: "<{}>", count: 10, range: [0, 1] } }, contrast: { radius: 3 } }
  objective: { preset: dist, alpha: 0.1, temperature: { perplexity: 3 } }
  train: { steps: 10, batch: 8, warmup: 0.1, lora: { rank: 8 }, earlyStop: { patience: 2 }, seed: 1 }
  reward: { overall: { field: score, range: [1, 5] }, attributes: [{ name: a, range: [0, 4], scores: [0, 9] }] }
  base: &a [1, 2]
  other: *a

  """.utf8)

private let assignments = [
  "train.batch=8", "metrics.0.tokens={ integers: [0, 20] }", "reward.overall.range=[0, 10]",
  "objective.temperature={ perplexity: 4 }", "metrics.*.weight=2", "train.clip=1",
]

private let image = PixelImage(
  width: 9, height: 7, channels: 3, bytes: (0..<9 * 7 * 3).map { UInt8(truncatingIfNeeded: $0 * 5) })

/// Three images of 4 x 5.
private let numPy: [UInt8] = {
  var text = Array("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 5, 1), }".utf8)
  text += [UInt8](repeating: 0x20, count: 117 - text.count) + [0x0A]
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text + [UInt8](repeating: 7, count: 60)
}()

/// The same in an archive.
private func zipped() throws -> [UInt8] {
  let path = NSTemporaryDirectory() + "fuzz-\(getpid()).npz"
  defer { try? FileManager.default.removeItem(atPath: path) }
  let source = NumPySource(type: .u8, shape: [3, 4, 5, 1]) { sink in
    try [UInt8](repeating: 7, count: 60).withUnsafeBytes(sink)
  }
  try NumPyWriter.writeArchive([source], to: path)
  return try Array(Data(contentsOf: URL(filePath: path)))
}
