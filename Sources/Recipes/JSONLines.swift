// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// Writes values as JSON lines: the file appears whole or not at all.
///
/// - Throws: `InputError` if the file cannot be written.
package func writeJSONLines(_ values: [some Encodable], to path: String) throws {
  let lines = try values.enumerated().map { index, value in
    try String(decoding: encodedJSON(value, path: "\(path), line \(index + 1)"), as: UTF8.self) + "\n"
  }
  try AtomicFile.write(lines.joined().utf8, to: path)
}
