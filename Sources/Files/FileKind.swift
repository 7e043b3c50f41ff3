// SPDX-License-Identifier: Apache-2.0
/// Kind of a file that should hold text, by its first bytes: to name it, and to say how it becomes what is wanted.
public struct FileKind: Sendable, Hashable {
  /// `a Parquet file`
  public var name: String
  /// How to make lines of JSON of it.
  public var remedy: String

  /// The kind of a file that begins with `bytes`; nil for what may be UTF-8 text.
  ///
  /// Text that was decoded with replacement characters in place of what is no UTF-8 is recognised as well.
  ///
  /// - Parameter bytes: the first 512, or all.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    let bytes = Array(bytes.prefix(512))
    if let encoding = Self.encoding(bytes) {
      self.init(
        name: "text in \(encoding)", remedy: "Convert it: iconv -f \(encoding) -t UTF-8 FILE > data.jsonl.")
    } else if Self.isSpreadsheet(bytes) {
      self.init(name: "a spreadsheet", remedy: "Save it as CSV, and name that.")
    } else if let known = Self.known.first(where: { Self.begins(bytes, with: $0.magic) }) {
      self.init(name: known.name, remedy: known.remedy)
    } else if bytes.prefix(16).contains(where: { $0 < 0x20 && !(0x08...0x0D).contains($0) && $0 != 0x1B }) {
      self.init(name: "a binary file", remedy: "Give a text file with one JSON object on each line.")
    } else {
      return nil
    }
  }

  private init(name: String, remedy: String) { (self.name, self.remedy) = (name, remedy) }

  /// UTF-16 or UTF-32, by the byte order mark or by where the zeros of its first ASCII characters stand.
  private static func encoding(_ bytes: [UInt8]) -> String? {
    if begins(bytes, with: [0xFF, 0xFE, 0, 0]) || begins(bytes, with: [0, 0, 0xFE, 0xFF]) { return "UTF-32" }
    if begins(bytes, with: [0xFF, 0xFE]) || begins(bytes, with: [0xFE, 0xFF]) { return "UTF-16" }
    guard bytes.count >= 4 else { return nil }
    func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7F || byte == 0x0A || byte == 0x0D || byte == 0x09 }
    switch (isText(bytes[0]), isText(bytes[1]), isText(bytes[2]), isText(bytes[3])) {
    case (true, false, true, false) where bytes[1] == 0 && bytes[3] == 0: return "UTF-16LE"
    case (false, true, false, true) where bytes[0] == 0 && bytes[2] == 0: return "UTF-16BE"
    case (true, false, false, false) where bytes[1...3].allSatisfy { $0 == 0 }: return "UTF-32LE"
    case (false, false, false, true) where bytes[0...2].allSatisfy { $0 == 0 }: return "UTF-32BE"
    default: return nil
    }
  }

  /// ZIP archives whose first entry is that of an Office Open XML or OpenDocument file.
  private static func isSpreadsheet(_ bytes: [UInt8]) -> Bool {
    guard begins(bytes, with: [0x50, 0x4B, 0x03, 0x04]) else { return false }
    let text = String(decoding: bytes, as: UTF8.self)
    return ["[Content_Types].xml", "application/vnd.oasis.opendocument", "_rels/.rels"].contains(where: text.contains)
  }

  /// Whether a file begins with some bytes, those above 127 as they are or as U+FFFD.
  private static func begins(_ bytes: [UInt8], with magic: [UInt8]) -> Bool {
    var at = 0
    for byte in magic {
      guard at < bytes.count else { return false }
      if bytes[at] == byte {
        at += 1
      } else if byte >= 0x80, bytes[at...].starts(with: [0xEF, 0xBF, 0xBD]) {
        at += 3
      } else {
        return false
      }
    }
    return true
  }

  private static let table =
    "In Python: datasets.load_dataset(KIND, data_files=FILE)[\"train\"].to_json(\"data.jsonl\")."

  private static let known: [(magic: [UInt8], name: String, remedy: String)] =
    [
      (Array("PAR1".utf8), "a Parquet file", table.replacing("KIND", with: "\"parquet\"")),
      (Array("ARROW1".utf8), "an Arrow file", table.replacing("KIND", with: "\"arrow\"")),
      ([0xFF, 0xFF, 0xFF, 0xFF], "an Arrow stream", table.replacing("KIND", with: "\"arrow\"")),
      ([0x1F, 0x8B], "a file that gzip has compressed", "Unpack it: zcat FILE > data.jsonl."),
      ([0x50, 0x4B, 0x03, 0x04], "a ZIP archive", "Unpack it, and name the JSONL file that was in it."),
      ([0x28, 0xB5, 0x2F, 0xFD], "a file that zstd has compressed", "Unpack it: zstdcat FILE > data.jsonl."),
      (Array("BZh".utf8), "a file that bzip2 has compressed", "Unpack it: bzcat FILE > data.jsonl."),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "a file that xz has compressed", "Unpack it: xzcat FILE > data.jsonl."),
      ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive", "Unpack it, and name the JSONL file that was in it."),
      (Array("SQLite format 3".utf8), "an SQLite database", "Write its rows as one JSON object on each line."),
      ([0x93] + Array("NUMPY".utf8), "a NumPy file", "Write its rows as one JSON object on each line."),
      ([0x89] + Array("HDF".utf8), "an HDF5 file", "Write its rows as one JSON object on each line."),
      (Array("Obj\u{01}".utf8), "an Avro file", "Write its rows as one JSON object on each line."),
      (Array("GGUF".utf8), "a GGUF model", "Name a file of examples here; models are imported by dist2 import."),
      (Array("%PDF".utf8), "a PDF", "Name a text file with one JSON object on each line."),
      ([0x89] + Array("PNG".utf8), "a PNG image", "Name a file of examples here, which names its images."),
      ([0xFF, 0xD8, 0xFF], "a JPEG image", "Name a file of examples here, which names its images."),
    ]
    + (2...5).map {
      (
        [0x80, $0], "a Python pickle",
        "A pickle can run code, so none is opened: load it in Python and write one json.dumps(row) on each line."
      )
    }
}
