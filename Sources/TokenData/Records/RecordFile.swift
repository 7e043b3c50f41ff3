// SPDX-License-Identifier: Apache-2.0
public import Files

/// A file whose entries are JSON objects, found by index: lines, rows of a table, elements of an array, or several files
/// one behind the other.
public protocol RecordFile: Sendable {
  /// The file, as errors name it.
  var path: String { get }
  /// Bytes in all.
  var size: Int { get }
  /// Number of entries.
  var count: Int { get }
  /// Line at which an entry begins, from 1, as an editor counts.
  func lineNumber(_ index: Int) -> Int
  /// Where an entry is: `line 12`; `element 3` where several begin on one line.
  func place(_ index: Int) -> String
  /// Path of the file that an entry is in.
  func path(of index: Int) -> String
  /// The object of an entry.
  ///
  /// - Throws: `InputError` naming the place: no object, too long, or changed since the file was opened.
  func record(_ index: Int) throws(InputError) -> JSONReader
  /// A number that changes with any byte.
  func fingerprint() -> UInt64
}

extension RecordFile {
  /// The line.
  public func place(_ index: Int) -> String { "line \(lineNumber(index))" }

  /// The one file.
  public func path(of index: Int) -> String { path }

  /// `train.jsonl line 12`: how events and errors name an entry.
  public func name(_ index: Int) -> String {
    let path = path(of: index)
    return "\(path.split(separator: "/").last.map(String.init) ?? path) \(place(index))"
  }

  /// The folder of an entry's file.
  public func folder(of index: Int) -> String {
    let path = path(of: index)
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  /// Result of `body` for an entry's object; errors name the place as well as the key.
  package func read<R>(_ index: Int, _ body: (JSONReader) throws(InputError) -> R) throws(InputError) -> R {
    do throws(InputError) {
      return try body(try record(index))
    } catch {
      guard !error.place.hasPrefix("line "), !error.place.hasPrefix("element ") else { throw error }
      var error = error
      error.place = error.place.isEmpty ? place(index) : "\(place(index)), \(error.place)"
      throw error
    }
  }
}

/// Line numbers of entries, kept only where they do not grow by one.
struct EntryLines: Sendable {
  private var steps: [(entry: Int, ahead: Int)] = []
  private var count = 0

  /// Adds the next entry, which begins at a line (from 1).
  mutating func append(line: Int) {
    let ahead = line - 1 - count
    if ahead != steps.last?.ahead ?? 0 { steps.append((count, ahead)) }
    count += 1
  }

  /// Line of an entry.
  subscript(index: Int) -> Int {
    var low = 0, high = steps.count
    while low < high {
      let middle = (low + high) / 2
      if steps[middle].entry <= index { low = middle + 1 } else { high = middle }
    }
    return index + 1 + (low == 0 ? 0 : steps[low - 1].ahead)
  }
}
