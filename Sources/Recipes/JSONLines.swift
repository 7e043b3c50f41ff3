import Files
import Foundation

/// Writes values as JSON lines: the file appears whole or not at all.
///
/// - Throws: `InputError` if the file cannot be written.
func writeJSONLines(_ values: [some Encodable], to path: String) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  let lines = try values.map { try String(decoding: encoder.encode($0), as: UTF8.self) + "\n" }
  try AtomicFile.write(lines.joined().utf8, to: path)
}
