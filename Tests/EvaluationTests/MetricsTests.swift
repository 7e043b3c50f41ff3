// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import MetricTokens
import Testing

@Suite struct MetricsTests {
  struct Figures: Decodable {
    var truths: [Double], predictions: [Double], mae: Double, rmse: Double, relativeError: Double, r2: Double
    var spearman: Double
  }
  struct Metrics: Decodable { var figures: [Figures] }

  @Test func figuresEqualNumpyAndScipy() throws {
    for wanted in try (fixture("metrics") as Metrics).figures {
      let records = zip(wanted.predictions, wanted.truths).map {
        PredictionRecord(id: "", prompt: "", reference: "", text: "", truth: [$1], values: [$0])
      }
      let found = EvaluationSummary(records, metrics: EvaluationMetric.allCases)
      for (metric, value) in [
        (EvaluationMetric.mae, wanted.mae), (.rmse, wanted.rmse), (.relativeError, wanted.relativeError),
        (.r2, wanted.r2), (.spearman, wanted.spearman), (.parseRate, 1),
      ] {
        #expect(abs((found[metric] ?? .nan) - value) < 1e-12, "\(metric)")
      }
      #expect(found[.crps] == nil)
      #expect(found[.coverage] == nil)
    }
  }

  @Test func nothingToMeasureIsNotAFigure() throws {
    #expect(NumberMetrics.r2([1, 2], [3, 3]).isNaN)
    #expect(NumberMetrics.spearman([1, 1], [1, 2]).isNaN)
    #expect(NumberMetrics.meanRelativeError([1], [0]).isNaN)
    let empty = EvaluationSummary([], metrics: EvaluationMetric.allCases)
    #expect(empty.figures.isEmpty)
    _ = try JSONEncoder().encode(empty)
  }

  /// Three answers, one of them unreadable: counted, and scored as asked.
  @Test func unreadableAnswers() {
    let parser = AnswerParser()
    let records = [("0.25\n", "0.25"), ("about 0.5", "0.75"), ("I do not know", "1")].map { text, reference in
      PredictionRecord(
        id: "", prompt: "", reference: reference, text: text, truth: parser(reference) ?? [], values: parser(text))
    }
    #expect(records.map(\.error) == [0, 0.25, nil])
    let leftOut = EvaluationSummary(records, metrics: [.mae, .parseRate, .exactMatch, .digitAccuracy])
    #expect(leftOut.count == 3)
    #expect(leftOut.unreadable == 1)
    #expect(leftOut.rule == "left out")
    #expect(leftOut[.mae] == 0.125)
    #expect(abs(leftOut[.parseRate]! - 2 / 3) < 1e-15)
    #expect(abs(leftOut[.exactMatch]! - 1 / 3) < 1e-15)
    #expect(abs(leftOut[.digitAccuracy]! - 4 / 7) < 1e-15)  // 0.25 all three; of 0.75 the zero; of 1 nothing
    let constant = EvaluationSummary(records, metrics: [.mae], unreadable: .constant(0.5))
    #expect(constant[.mae] == 0.25)
    #expect(constant.rule == "counted as 0.5")
  }

  @Test func digitsByPlace() {
    let grammar = NumberGrammar()
    func number(_ text: String) -> ParsedNumber? { grammar.numbers(in: text).first }
    let found = DigitAccuracy.byPlace(
      [number("0.123"), number("0.5"), nil, number("12.34")],
      ["0.193", "0.500", "0.111", "2.34"].map { number($0)! })
    #expect(found.map(\.exponent) == [0, -1, -2, -3])
    #expect(found.map(\.count) == [4, 4, 4, 3])
    #expect(differ(found.map(\.share), [3.0 / 4, 3.0 / 4, 2.0 / 4, 2.0 / 3]) < 1e-15)
  }

  @Test func boxes() throws {
    func box(_ corners: Double...) -> BoundingBox { BoundingBox(corners)! }
    #expect(box(0, 0, 10, 10).intersectionOverUnion(box(0, 0, 10, 10)) == 1)
    #expect(box(0, 0, 10, 10).intersectionOverUnion(box(10, 0, 20, 10)) == 0)
    #expect(box(0, 0, 10, 10).intersectionOverUnion(box(5, 5, 15, 15)) == 25.0 / 175)
    #expect(box(0, 0, 10, 10).isFound(by: box(0, 0, 5, 10)), "exactly one half counts")
    #expect(!box(0, 0, 10, 10).isFound(by: box(0, 0, 4.99, 10)))
    #expect(box(3, 3, 3, 3).intersectionOverUnion(box(3, 3, 3, 3)) == 0)
    #expect(BoundingBox([5, 0, 1, 1]) == nil)
    #expect(BoundingBox([0, 1, 2]) == nil)
    #expect(BoundingBox([0, 0, .nan, 1]) == nil)
    // Counting cells of a grid.
    var random = CounterGenerator(4)
    for _ in 0..<200 {
      func corners() -> [Int] {
        let x = [random.next(below: 12), random.next(below: 12)].sorted()
        let y = [random.next(below: 12), random.next(below: 12)].sorted()
        return [x[0], y[0], x[1] + 1, y[1] + 1]
      }
      let (a, b) = (corners(), corners())
      func holds(_ c: [Int], _ cell: Int) -> Bool {
        (c[0]..<c[2]).contains(cell % 13) && (c[1]..<c[3]).contains(cell / 13)
      }
      let both = (0..<169).count { holds(a, $0) && holds(b, $0) }
      let either = (0..<169).count { holds(a, $0) || holds(b, $0) }
      let found = BoundingBox(a.map(Double.init))!.intersectionOverUnion(BoundingBox(b.map(Double.init))!)
      #expect(abs(found - Double(both) / Double(either)) < 1e-12)
    }
    let parser = AnswerParser(count: 4)
    let records = [("[0, 0, 5, 10]", "0 0 10 10"), ("[9, 0, 5, 10]", "0 0 10 10"), ("[1, 2]", "0 0 10 10")].map {
      PredictionRecord(id: "", prompt: "", reference: $1, text: $0, truth: parser($1)!, values: parser($0))
    }
    let found = EvaluationSummary(records, metrics: [.iou, .boxAccuracy])
    #expect(found.unreadable == 1)
    #expect(abs(found[.iou]! - 0.5 / 3) < 1e-15 && abs(found[.boxAccuracy]! - 1.0 / 3) < 1e-15)
  }

  @Test(arguments: [
    ("0.123", 0.123), (" -4.5 apples", -4.5), ("y = 7.", 7), ("1,024", 1024), ("the answer: 3, not 4", 3), ("1e3", nil),
    ("nan", nil), ("inf", nil), ("-Infinity", nil), ("1e999", nil), ("", nil), ("1,5", 1), ("٣", nil), ("0x10", nil),
  ])
  func parsing(text: String, value: Double?) {
    #expect(parseNumber(in: text) == value)
  }

  @Test func parsingOptions() {
    #expect(parseNumber(in: "1,024", grammar: NumberGrammar(thousands: .never)) == 1)
    #expect(parseNumber(in: String(repeating: "9", count: 400)) == nil)
    #expect(AnswerParser(count: 2)("(0.5, 0.25) and 3") == [0.5, 0.25])
    #expect(AnswerParser(count: 2)("0.5") == nil)
  }
}
