// SPDX-License-Identifier: Apache-2.0
package import Files

/// Kind of a file of lines that holds something else than a JSON object on each, as far as its first lines tell.
struct LineFault {
  /// `a JSON array`
  var found: String
  var remedy: String

  /// Looks at a line that could not be read as an object.
  ///
  /// - Parameters:
  ///   - isFirst: whether it is the first line of its file that is not empty.
  ///   - next: the next one that is not empty, its beginning is enough; nil at the end.
  ///   - endsEarly: whether the line ended where more was expected.
  init?(_ line: UnsafeRawBufferPointer, isFirst: Bool, next: [UInt8]?, endsEarly: Bool) {
    let text = line.trimmed, last = text.last
    guard let first = text.first else { return nil }
    let pretty = "Write each object on one line: jq -c . FILE > data.jsonl."
    if isFirst, first == UInt8(ascii: "[") {
      self.init(
        found: last == UInt8(ascii: "]") ? "a JSON array" : "a JSON array over several lines",
        remedy: "A data file has one object on each line: jq -c '.[]' FILE > data.jsonl.")
    } else if first == UInt8(ascii: "{"), endsEarly, let next, Self.goesOn(after: last, with: next) {
      self.init(found: "an object over several lines", remedy: pretty)
    } else if isFirst, first != UInt8(ascii: "{") {
      self.init(other: text)
    } else {
      return nil
    }
  }

  private init(found: String, remedy: String) { (self.found, self.remedy) = (found, remedy) }

  /// Whether the next line is the rest of an object that was printed over several.
  private static func goesOn(after last: UInt8?, with next: [UInt8]) -> Bool {
    guard let last, let first = next.first else { return false }
    if last == UInt8(ascii: "{") || last == UInt8(ascii: "[") { return true }
    let isBetween = last == UInt8(ascii: ",") || last == UInt8(ascii: ":") || last == UInt8(ascii: "}")
    return isBetween && (first == 0x20 || first == 0x09 || first == UInt8(ascii: "\""))
  }

  /// A table, markup, or text.
  private init(other text: some Collection<UInt8>) {
    func count(_ character: Unicode.Scalar) -> Int { text.count { $0 == UInt8(ascii: character) } }
    let convert =
      "A table is read where its name ends in .csv or .tsv. Or write each row as an object, in Python: pandas.read_csv(FILE%).to_json(\"data.jsonl\", "
      + "orient=\"records\", lines=True)."
    if text.first == UInt8(ascii: "<") {
      (found, remedy) = ("HTML or XML", "A data file has one JSON object on each line.")
    } else if count("\t") > 0 {
      (found, remedy) = ("what looks like a table (TSV)", convert.replacing("%", with: ", sep=\"\\t\""))
    } else if count(",") > 0 {
      (found, remedy) = ("what looks like a table (CSV)", convert.replacing("%", with: ""))
    } else if count(";") > 0 {
      (found, remedy) = ("what looks like a table (CSV)", convert.replacing("%", with: ", sep=\";\""))
    } else {
      (found, remedy) = ("other text", "A data file has one JSON object on each line.")
    }
  }
}

/// The object of one line of a file or stream.
///
/// - Parameters:
///   - number: of the line, from 1.
///   - isFirst: whether no line before it holds anything.
///   - next: the beginning of the next line that holds something; nil at the end.
/// - Throws: `InputError` naming the line: no JSON object, and what it may be instead.
package func lineObject(
  _ line: UnsafeRawBufferPointer, path: String, number: Int, isFirst: Bool, next: [UInt8]?
) throws(InputError) -> JSONReader {
  let value: JSON
  do throws(InputError) { value = try JSON(parsing: line, path: path, line: number) } catch {
    let isMisspelt = !error.remedy.isEmpty && !error.remedy.hasPrefix("Is it cut off")
    let endsEarly = error.found == "the end of the line"
    if isFirst, let kind = FileKind(line) {
      throw InputError(
        path: path, place: "line \(number)", expected: "a JSON object", found: kind.name, remedy: kind.remedy)
    }
    if !isMisspelt, let fault = LineFault(line, isFirst: isFirst, next: next, endsEarly: endsEarly) {
      throw InputError(
        path: path, place: "line \(number)", expected: "a JSON object", found: fault.found, remedy: fault.remedy)
    }
    throw error
  }
  guard case .object = value else {
    let isArray = if case .array = value { isFirst } else { false }
    throw InputError(
      path: path, place: "line \(number)", expected: "a JSON object", found: value.summary,
      remedy: isArray ? "A data file has one object on each line: jq -c '.[]' FILE > data.jsonl." : "")
  }
  return JSONReader(value, path: path)
}

extension UnsafeRawBufferPointer {
  /// Without white space at either end.
  fileprivate var trimmed: Slice<UnsafeRawBufferPointer> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
    guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
      return self[endIndex...]
    }
    return self[first...last]
  }
}
