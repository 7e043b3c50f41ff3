// SPDX-License-Identifier: Apache-2.0
import Recipes
public import Evaluation
import Foundation
import MetricTokens

/// How a box is asked for and written: whole numbers on a square grid over the image (section 3.2, D.3: images
/// resized to 1024 x 1024, coordinates rounded; x and y scaled separately, cut off at 1023: docs/paper-map.md Q29).
public struct GroundingTemplate: Sendable, Hashable, Codable {
  /// Cells of the grid along either side.
  public var side: Int
  /// Question, with `{}` in the place of the expression.
  public var question: String
  /// How a model of its own way writes boxes; nil: on the grid.
  public var named: NamedBoxes?

  /// The paper's grid, and a question of ours: the paper prints none.
  public init(side: Int = 1024, question: String = "Where is {}? Answer with its box [x1, y1, x2, y2].") {
    precondition(side > 1 && question.contains("{}"), "a grid of \(side), question \(question)")
    (self.side, self.question) = (side, question)
  }

  /// Boxes as Qwen-VL writes them, asked for in words that it knows.
  ///
  /// - Parameter question: nil: ``NamedBoxes/question``.
  public init(_ named: NamedBoxes, question: String? = nil) {
    self.init(question: question ?? NamedBoxes.question)
    self.named = named
  }

  /// The prompt for a row.
  public func prompt(_ row: ReferringRow) -> String { question.replacing("{}", with: row.expression) }

  /// The right answer: `[261, 10, 374, 83]`, or as ``named`` has it.
  public func answer(_ row: ReferringRow) -> String {
    if let named { return named.answer(row) }
    let (x, y) = (Double(side) / row.width, Double(side) / row.height)
    let numbers = [row.box.x1 * x, row.box.y1 * y, row.box.x2 * x, row.box.y2 * y].map { value in
      min(side - 1, max(0, Int(value.rounded())))
    }
    return "[" + numbers.map(String.init).joined(separator: ", ") + "]"
  }

  /// The box that an answer means, in pixels of the row's image: its first four numbers.
  ///
  /// - Returns: nil if there are fewer, or they are no box: such an answer is wrong (D.3).
  public func box(_ answer: String, for row: ReferringRow) -> BoundingBox? {
    if let named { return named.box(answer, for: row) }
    let numbers = NumberGrammar(thousands: .never).numbers(in: answer).prefix(4).map(\.value)
    let (x, y) = (row.width / Double(side), row.height / Double(side))
    guard numbers.count == 4 else { return nil }
    return BoundingBox([numbers[0] * x, numbers[1] * y, numbers[2] * x, numbers[3] * y])
  }
}
