// SPDX-License-Identifier: Apache-2.0
public import Files
import MetricTokens

/// What stands between an image's views in a sequence of Idefics3 and SmolVLM:
///
///     <fake_token_around_image><row_1_col_1> view <fake_token_around_image><row_1_col_2> view … line break
///     … empty line
///     <fake_token_around_image><global-img> view <fake_token_around_image>
///
/// The last line alone where the view of the whole is the only one.
public struct ViewMarks: Sendable, Hashable {
  private let around: Int32, whole: Int32
  private let parts: [[Int32]]
  private let lineBreak: [Int32], emptyLine: [Int32]

  /// The marks of a tokenizer.
  ///
  /// - Parameters:
  ///   - largest: rows and columns of parts that no image has more of; 0 where none is cut.
  ///   - path: the folder that the tokenizer is of, for errors.
  /// - Throws: `InputError` naming the first mark that is no token.
  public init(_ tokenizer: Tokenizer, largest: Int, path: String) throws(InputError) {
    func id(_ mark: String) throws(InputError) -> Int32 {
      guard let id = tokenizer.id(of: mark), tokenizer.encode(mark, addSpecialTokens: false).ids == [id] else {
        throw InputError(
          path: path + "/tokenizer.json", place: "key added_tokens", expected: "a token \(mark)", found: "none",
          remedy: "size.longest_edge and max_image_size of preprocessor_config.json say how many parts there may be.")
      }
      return id
    }
    let fake = "<fake_token_around_image>"
    around = try id(fake)
    whole = try id("<global-img>")
    var parts = [[Int32]]()
    for row in 0..<largest {
      var line = [Int32]()
      for column in 0..<largest { line.append(try id("<row_\(row + 1)_col_\(column + 1)>")) }
      parts.append(line)
    }
    self.parts = parts
    func between(_ text: String) -> [Int32] {
      Array(tokenizer.encode(fake + text + fake, addSpecialTokens: false).ids.dropFirst().dropLast())
    }
    (lineBreak, emptyLine) = (between("\n"), between("\n\n"))
  }

  /// The tokens of an image.
  ///
  /// - Parameters:
  ///   - grid: its parts; nil: it is one view.
  ///   - view: the tokens of a view.
  func tokens(_ grid: PreparedImage.Grid?, view: [Int32]) -> [Int32] {
    var tokens = [Int32]()
    if let grid {
      for row in 0..<grid.rows {
        for column in 0..<grid.columns { tokens += [around, parts[row][column]] + view }
        tokens += row + 1 < grid.rows ? lineBreak : emptyLine
      }
    }
    return tokens + [around, whole] + view + [around]
  }
}
