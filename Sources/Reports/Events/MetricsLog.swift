// SPDX-License-Identifier: Apache-2.0
public import Files

/// The numbers of a run as JSON lines: `{"step":12,"time":1767225600.0,"loss":0.53}`.
///
/// A line is written whole and at once, so that a killed run loses none; ``sync()`` belongs beside each checkpoint.
/// Values that are not finite, which JSON does not have, become `null`.
public final class MetricsLog {
  private let file: AppendedFile

  /// Starts a file anew, or takes up one that an earlier run left.
  ///
  /// - Parameter step: the step that the run resumes after; nil to start anew. Lines of later steps, which the run will
  ///   write again, and a last line cut short by a crash are removed.
  /// - Throws: `InputError` if the file cannot be written, or holds a line that is no record of a step.
  public init(path: String, resumingAfter step: Int? = nil) throws(InputError) {
    file = try AppendedFile(path, existing: step == nil ? .emptied : .continued)
    guard let step else { return }
    let bytes = try fileBytes(path)
    let records = try Self.records(in: bytes, path: path)
    let kept = records.prefix { $0.step <= step }.last?.end ?? 0
    try file.truncate(to: kept)
    // The crash may have taken no more than the line's end.
    if kept > 0, bytes[kept - 1] != UInt8(ascii: "\n") { try file.append([UInt8(ascii: "\n")]) }
  }

  /// Adds a line.
  ///
  /// - Parameters:
  ///   - time: seconds since 1970.
  ///   - values: names and values, in this order. A name may not come twice.
  public func write(step: Int, time: Double, _ values: [(String, Double)]) throws(InputError) {
    var record = JSONObject()
    let members: [(String, JSON)] =
      [("step", .int(step)), ("time", .double(time))] + values.map { ($0, $1.isFinite ? .double($1) : .null) }
    for (name, value) in members {
      let isNew = record.append(name, value)
      precondition(isNew, "metric \(name) twice in step \(step)")
    }
    try file.append(Array((JSON.object(record).text() + "\n").utf8))
  }

  /// Returns when everything written is on the disk.
  public func sync() throws(InputError) { try file.sync() }

  /// The records of a file; a last line cut short by a crash is left out.
  public static func read(_ path: String) throws(InputError) -> [JSONObject] {
    try records(in: try fileBytes(path), path: path).map(\.object)
  }

  /// A record, its step, and where its line ends.
  private typealias Record = (object: JSONObject, step: Int, end: Int)

  private static func records(in bytes: [UInt8], path: String) throws(InputError) -> [Record] {
    var records: [Record] = []
    var start = 0
    var number = 1
    while start < bytes.count {
      let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
      let end = newline ?? bytes.count
      do {
        let (object, step) = try record(Array(bytes[start..<end]), path)
        records.append((object, step, newline.map { $0 + 1 } ?? end))
      } catch {
        // Only the last line can have been cut short; anywhere else somebody else wrote.
        if newline == nil { return records }
        throw InputError(
          path: path, place: "line \(number)", expected: "a JSON object with a whole number under \"step\"",
          found: String(decoding: bytes[start..<min(end, start + 60)], as: UTF8.self),
          remedy: "Remove the line, or start the run in another folder.")
      }
      start = end + 1
      number += 1
    }
    return records
  }

  private static func record(_ line: [UInt8], _ path: String) throws(InputError) -> (JSONObject, Int) {
    let reader = JSONReader(try JSON(parsing: line, path: path), path: path)
    return (try reader.object(), try reader.at("step").int())
  }
}
