// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens

/// Which rows train, validate and test: drawn by a seed, equal rows once, and rows that ask the same on one side.
struct TableSplit {
  enum Part: String, CaseIterable { case train, valid, test }

  /// Part of each row; nil for rows that are left out.
  private(set) var parts: [Part?]
  /// Rows that occur a second time.
  private(set) var duplicates = 0
  /// Rows whose question another row asks as well, with another answer.
  private(set) var repeated = 0
  /// Different questions.
  private(set) var questions = 0

  /// Share of the questions that validate, and that test.
  static let share = 0.1

  /// - Parameter rows: question and answer of each row; nil for one that is left out.
  init(_ rows: [(question: RowKey, answer: RowKey)?], seed: UInt64) {
    var groups = [RowKey: Int](), seen = Set<[RowKey]>(), sizes = [Int](),
      group = [Int?](repeating: nil, count: rows.count)
    for (index, row) in rows.enumerated() {
      guard let row else { continue }
      guard seen.insert([row.question, row.answer]).inserted else {
        duplicates += 1
        continue
      }
      let number = groups[row.question] ?? groups.count
      if number == groups.count {
        groups[row.question] = number
        sizes.append(0)
      }
      sizes[number] += 1
      group[index] = number
    }
    questions = sizes.count
    repeated = sizes.reduce(0) { $0 + ($1 > 1 ? $1 : 0) }
    var generator = CounterGenerator(seed, 0x7461_626C_65)
    let order = generator.draw(questions, of: questions), held = max(1, Int(Self.share * Double(questions)))
    var ofGroup = [Part](repeating: .train, count: questions)
    for (rank, number) in order.enumerated() where rank < 2 * held { ofGroup[number] = rank < held ? .test : .valid }
    parts = group.map { $0.map { ofGroup[$0] } }
  }

  func count(_ part: Part) -> Int { parts.count { $0 == part } }
}

/// Texts of a row, in 128 bits: by two hashes that differ from process to process, so that nobody can prepare rows that
/// collide.
struct RowKey: Hashable {
  private let first: Int, second: Int

  init(_ cells: some Sequence<String>) {
    var (a, b) = (Hasher(), Hasher())
    b.combine(1)
    for cell in cells {
      a.combine(cell)
      b.combine(cell)
    }
    (first, second) = (a.finalize(), b.finalize())
  }
}
