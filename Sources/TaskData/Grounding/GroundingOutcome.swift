// SPDX-License-Identifier: Apache-2.0
import Recipes
public import Evaluation
public import Files
public import Reports

/// Answer of a model to one row.
public struct GroundingOutcome: Sendable {
  /// What was asked.
  public let row: ReferringRow
  /// What was said.
  public let answer: String
  /// The box it means, in pixels; nil if it means none, and then the answer is wrong (D.3).
  public let box: BoundingBox?

  /// Reads an answer.
  public init(_ row: ReferringRow, answer: String, _ template: GroundingTemplate = .init()) {
    (self.row, self.answer) = (row, answer)
    box = template.box(answer, for: row)
  }

  /// Intersection over union with the right box; 0 without one.
  public var overlap: Double { box.map { row.box.intersectionOverUnion($0) } ?? 0 }
}

/// The figures of the answers to one split.
public struct GroundingFigures: Sendable {
  /// `RefCOCO testA`, …
  public let split: String
  /// Expressions asked.
  public let count: Int
  /// Share of answers whose box overlaps the right one by a half at least, with its 95 % interval.
  public let accuracy: Double
  /// Interval of the accuracy.
  public let interval: ConfidenceInterval
  /// Mean overlap.
  public let overlap: Double
  /// Answers that hold no box.
  public let unparsed: Int
  /// Share of answers whose overlap is at least 0.1, 0.15, … 0.95.
  public let curve: [(threshold: Double, share: Double)]

  /// - Parameter outcomes: at least one.
  public init(_ split: String, _ outcomes: [GroundingOutcome]) {
    precondition(!outcomes.isEmpty, "no outcomes")
    let overlaps = outcomes.map(\.overlap), hits = overlaps.count { $0 >= 0.5 }
    self.split = split
    count = outcomes.count
    accuracy = Double(hits) / Double(count)
    interval = .share(hits, of: count)
    overlap = overlaps.reduce(0, +) / Double(count)
    unparsed = outcomes.count { $0.box == nil }
    curve = stride(from: 10, through: 95, by: 5).map { percent in
      let threshold = Double(percent) / 100
      return (threshold, Double(overlaps.count { $0 >= threshold }) / Double(outcomes.count))
    }
  }
}

extension [GroundingOutcome] {
  /// As the evaluators of Qwen-VL write results: a list of answer, right box and height and width.
  public var results: JSON {
    .array(
      map { outcome in
        let row = outcome.row
        return [
          "answer": .string(outcome.answer),
          "gt_bbox": .array([row.box.x1, row.box.y1, row.box.x2, row.box.y2].map { .double($0) }),
          "hw": [.int(Int(row.height)), .int(Int(row.width))],
        ]
      })
  }
}
