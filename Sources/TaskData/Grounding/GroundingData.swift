// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
public import Files
import TokenData

/// Referring rows as examples to train on: a line of JSON with the image, what is asked and the right answer, under
/// TRL's names, and the row's own members beside them.
public struct GroundingData: Sendable {
  /// Rows by split, in the order of the files; rows without a split are `train`.
  public private(set) var rows: [(split: String, rows: [ReferringRow])] = []
  /// Boxes that stuck out of their image and were cut off at its edge.
  public private(set) var cut = 0
  /// Rows that cannot be used, with the reason.
  public private(set) var skipped: [String] = []
  private let template: GroundingTemplate

  /// Reads JSONL files of rows.
  ///
  /// - Parameters:
  ///   - images: folder of the images; nil: that of each file.
  ///   - skipsBad: whether rows that cannot be used are left out and counted.
  /// - Throws: `InputError` naming file, line and key, or the image that is not there.
  public init(_ paths: [String], images: String?, _ template: GroundingTemplate = .init(), skipsBad: Bool)
    throws(InputError)
  {
    self.template = template
    var seen = [String: Bool]()
    for path in paths {
      let file = try JSONLFile(path)
      for index in 0..<file.count {
        do throws(InputError) {
          var row = try file.read(index) { object throws(InputError) in
            try ReferringRow(object, source: file.name(index))
          }
          if let split = row.split {
            try requireFileName(split, path: path, place: "line \(file.lineNumber(index)), key split")
          }
          row.image = absolutePath(row.image, from: images ?? file.folder(of: 0))
          let isThere = seen[row.image] ?? fileExists(row.image)
          seen[row.image] = isThere
          guard isThere else {
            throw InputError(
              path: path, place: "line \(file.lineNumber(index)), key image", expected: "an image",
              found: "no file \(row.image)", remedy: "Name the folder of the images: --images FOLDER.")
          }
          add(row)
        } catch {
          guard skipsBad else { throw error }
          skipped.append("\(error)")
        }
      }
    }
    guard !rows.isEmpty else {
      throw InputError(
        path: paths.joined(separator: ", "), expected: "at least one row that can be used", found: "none",
        remedy: skipped.first ?? "")
    }
  }

  /// Rows at hand.
  public init(_ rows: [ReferringRow], _ template: GroundingTemplate = .init()) {
    self.template = template
    for row in rows { add(row) }
  }

  private mutating func add(_ row: ReferringRow) {
    let split = row.split ?? "train"
    cut += row.wasCut ? 1 : 0
    if let index = rows.firstIndex(where: { $0.split == split }) {
      rows[index].rows.append(row)
    } else {
      rows.append((split, [row]))
    }
  }

  /// Writes `SPLIT.jsonl` for every split (`val` as `valid`, which run files look for). Images within the folder are
  /// named as seen from it, so that it may be moved; others by their whole path.
  ///
  /// - Returns: the files and how many lines each has.
  /// - Throws: `InputError` if one cannot be written.
  public func write(to folder: String) throws -> [(path: String, count: Int)] {
    try makeFolders(folder)
    var files: [(name: String, rows: [ReferringRow])] = []
    for (split, rows) in rows {
      try requireFileName(split, path: rows[0].id, place: "key split")
      let name = split == "val" ? "valid" : split
      if let index = files.firstIndex(where: { $0.name == name }) {
        files[index].rows += rows  // val and valid are one file
      } else {
        files.append((name, rows))
      }
    }
    return try files.map { name, rows in
      let path = "\(folder)/\(name).jsonl"
      try writeJSONLines(rows.map { GroundingLine($0, template, image: Self.seen(from: folder, $0.image)) }, to: path)
      return (path, rows.count)
    }
  }

  private static func seen(from folder: String, _ path: String) -> String {
    let root = absolutePath(folder) + "/", whole = absolutePath(path)
    return whole.hasPrefix(root) ? String(whole.dropFirst(root.count)) : whole
  }
}

/// A row as a line of a data file.
package struct GroundingLine: Codable {
  var id: String
  var images: [String]
  var prompt: String
  var completion: String
  var sent: String
  var bbox: [Double]
  var width: Double
  var height: Double
  var split: String?

  package init(_ row: ReferringRow, _ template: GroundingTemplate, image: String) {
    (id, images, sent) = (row.id, [image], row.expression)
    (prompt, completion) = (template.prompt(row), template.answer(row))
    (width, height, split) = (row.width, row.height, row.split)
    bbox = [row.box.x1, row.box.y1, row.box.x2, row.box.y2]
  }
}
