// SPDX-License-Identifier: Apache-2.0
public import Files

/// Files of examples, one behind the other: lines of JSON, a JSON array, or a table.
///
/// A table is known by its name (`.csv`, `.tsv`, `.tab`), an array by its first character; anything else is lines of JSON.
/// Each may be compressed by gzip.
public final class DataFiles: RecordFile {
  /// The source, as errors name it.
  public let path: String
  /// Number of entries.
  public let count: Int
  private let files: [any RecordFile]
  private let starts: [Int]  // entries before each file

  /// Finds the entries of all files.
  ///
  /// - Throws: `InputError` naming the file that cannot be used, or the pattern that no file has.
  public init(_ source: DataSource) throws(InputError) {
    path = source.path
    var files = [any RecordFile](), starts = [Int](), count = 0
    for path in try source.files() {
      let file = try Self.open(path)
      starts.append(count)
      files.append(file)
      count += file.count
    }
    (self.files, self.starts, self.count) = (files, starts, count)
  }

  /// One file.
  public convenience init(_ path: String) throws(InputError) { try self.init(DataSource(path)) }

  private static func open(_ path: String) throws(InputError) -> any RecordFile {
    if TableText.isTable(path) { return try TableFile(path) }
    let isArray = try TextBytes(path, isLined: true).firstByte == UInt8(ascii: "[")
    return isArray ? try JSONArrayFile(path) : try JSONLFile(path)
  }

  /// Names of the columns that all files share, in the first's order, where all are tables; nil otherwise.
  public var columns: [String]? {
    var shared: [String]?
    for file in files {
      guard let table = file as? TableFile else { return nil }
      let known = Set(table.columns)
      shared = shared?.filter { known.contains($0) } ?? table.columns
    }
    return shared
  }

  /// Bytes in all.
  public var size: Int { files.reduce(0) { $0 + $1.size } }

  /// Line of an entry in its file.
  public func lineNumber(_ index: Int) -> Int {
    let (file, entry) = find(index)
    return file.lineNumber(entry)
  }

  /// Place of an entry in its file.
  public func place(_ index: Int) -> String {
    let (file, entry) = find(index)
    return file.place(entry)
  }

  /// Path of an entry's file.
  public func path(of index: Int) -> String { find(index).file.path }

  /// The object of an entry.
  ///
  /// - Throws: `InputError` naming file and place.
  public func record(_ index: Int) throws(InputError) -> JSONReader {
    let (file, entry) = find(index)
    return try file.record(entry)
  }

  /// That of the file, of several one that changes with any byte and with their order.
  public func fingerprint() -> UInt64 {
    guard files.count > 1 else { return files[0].fingerprint() }
    return files.reduce(into: UInt64(files.count)) { $0.mix($1.fingerprint()) }
  }

  private func find(_ index: Int) -> (file: any RecordFile, entry: Int) {
    var low = 0, high = files.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (files[low], index - starts[low])
  }
}
