// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Calls `body` with the path of a new file of these bytes, deleted afterwards.
func withFile<Result>(
  _ bytes: some Sequence<UInt8>, name: String = "data.jsonl", _ body: (String) throws -> Result
) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "data-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let file = folder.appending(path: name)
  try Data(bytes).write(to: file)
  return try body(file.path)
}

/// As above, for text.
func withFile<Result>(_ text: String, name: String = "data.jsonl", _ body: (String) throws -> Result) throws -> Result {
  try withFile(text.utf8, name: name, body)
}

/// Records an issue unless `body` throws an `InputError` whose text holds each of `fragments`.
func expectRefusal(
  _ fragments: String..., sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
  } catch let error as InputError {
    for fragment in fragments {
      #expect(error.description.contains(fragment), "\(error)", sourceLocation: sourceLocation)
    }
  } catch {
    Issue.record("not an InputError: \(error)", sourceLocation: sourceLocation)
  }
}

/// A tokenizer of Tests/Fixtures/tokenizers.
func fixtureTokenizer(_ name: String) throws -> Tokenizer {
  try Tokenizer(
    json: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/tokenizers/\(name).json")
      .standardized.path)
}

/// Digits of a tokenizer's answers carry a distance.
func digitEncoder(_ name: String, splits: Bool = true, end: Int32? = nil) throws -> ExampleEncoder {
  let tokenizer = try fixtureTokenizer(name)
  return ExampleEncoder(
    tokenizer, metrics: [MetricRule(MetricFinder(space: try .digits(of: tokenizer)))],
    splitter: splits ? try DigitSplitter(tokenizer) : nil, end: end)
}
