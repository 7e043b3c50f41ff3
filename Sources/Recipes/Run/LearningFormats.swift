// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import TokenData

/// Learns how the numbers of training answers are written.
struct FormatLearner {
  /// Reads the records.
  let reader: RecordReader
  /// The training file.
  let source: DataSource

  /// Share of the range of the training answers that is left beyond both of its ends.
  static let room = 0.05

  /// The format of a metric's numbers.
  ///
  /// - Throws: `InputError` if there is no number, or numbers have too many digits.
  func format(of rule: MetricRule, metric: String) throws -> LearntFormat {
    let file = try DataFiles(source)
    var numbers = [ParsedNumber](), lines = [Int](), unread: InputError?
    for index in 0..<file.count {
      let record: Record
      // Lines that cannot be used are reported where the data set is made, unless they are why there is no number.
      do throws(InputError) { record = try reader.record(file, index) } catch {
        unread = unread ?? error
        continue
      }
      let answer = record.promptAndReference.reference
      for number in rule.finder.grammar.numbers(in: answer, within: spans(rule.region, record, answer)) {
        guard number.digits.count <= ValueFormat.largestDigits else {
          throw InputError(
            path: file.path(of: index), place: "\(file.place(index)), metric \(metric)",
            expected: "numbers of at most \(ValueFormat.largestDigits) digits, to teach them as whole values",
            found: "\(number.digits.count) digits", remedy: "Correct the line, or leave it out.")
        }
        numbers.append(number)
        lines.append(file.lineNumber(index))
      }
    }
    guard !numbers.isEmpty else {
      if let unread { throw unread.ofLine }
      throw InputError(
        path: source.path, place: "metric \(metric)", expected: "a number in at least one training answer",
        found: "none in \(file.count)",
        remedy:
          "See what is found: dist2 inspect; or say how they are written: values: { range: [0, 999], decimals: 0 }.")
    }
    do {
      var learnt = try ValueFormat.learnt(from: numbers)
      learnt.format = learnt.format.widened(by: Self.room)
      learnt.outlier = outlier(numbers, lines)
      return learnt
    } catch {
      throw InputError(
        path: source.path, place: "metric \(metric)", expected: "answers with numbers of at most 15 digits",
        found: "\(error)",
        remedy: "Say how they are written: values: { range: [0, 999], decimals: 0 }.")
    }
  }

  /// A number that alone makes the range ten times as wide as the others do: a typing error, more often than not.
  private func outlier(_ numbers: [ParsedNumber], _ lines: [Int]) -> LearntFormat.Outlier? {
    let order = numbers.indices.sorted { numbers[$0].value < numbers[$1].value }
    guard order.count >= 20 else { return nil }
    func range(_ order: ArraySlice<Int>) -> ClosedRange<Double> {
      numbers[order[order.startIndex]].value...numbers[order[order.endIndex - 1]].value
    }
    let all = range(order[...])
    let without = [(order[order.count - 1], range(order.dropLast())), (order[0], range(order.dropFirst()))]
    guard let (index, rest) = without.min(by: { $0.1.width < $1.1.width }), rest.width > 0,
      all.width > 10 * rest.width
    else { return nil }
    return LearntFormat.Outlier(text: numbers[index].plainText, line: lines[index], others: rest)
  }

  private func spans(_ region: MetricRegion, _ record: Record, _ answer: String) -> [Range<Int>]? {
    switch region {
    case .answer: nil
    case .delimiters(let delimiters): delimiters.spans(in: answer)
    case .spans(let name): record.spans[name] ?? []
    }
  }
}

extension ClosedRange<Double> {
  fileprivate var width: Double { upperBound - lowerBound }
}
