// SPDX-License-Identifier: Apache-2.0
/// Puts targets over whole numbers into examples, and draws numbers from them.
///
/// What it draws depends on seed, epoch, the example's index and the number's ordinal alone, so that accumulation,
/// packing, resuming and the number of processes change nothing.
public struct ValueTeacher: Sendable, Hashable {
  /// A rule per metric, by index; nil for metrics of tokens.
  public var rules: [ValueRule?]
  /// A rule per metric whose bins are taught as a histogram, by index; nil for others.
  public var histograms: [HistogramRule?]
  /// Seed of the run.
  public var seed: UInt64
  /// Largest number of tokens of an example: a drawn number that makes it longer is not taken.
  public var maxLength: Int

  /// Memberwise.
  public init(
    _ rules: [ValueRule?], histograms: [HistogramRule?] = [], seed: UInt64, maxLength: Int = .max
  ) {
    (self.rules, self.histograms) = (rules, histograms)
    self.seed = seed
    self.maxLength = maxLength
  }

  /// An example with its numbers' targets.
  ///
  /// Numbers that the format does not write, or that are not cut into the tokens it is written with, lose their metric
  /// tokens and are learnt by cross entropy alone.
  ///
  /// - Parameters:
  ///   - epoch: pass over the data, so that an example meets different numbers.
  ///   - index: the example's index in the data set.
  ///   - draws: whether numbers are drawn; validation looks at the answers' own.
  ///   - vocabulary: the tokenizer, where it writes several digits a token. A drawn number is taken only if it would cut the
  ///     new text into the tokens that are written; nil: whatever it would do.
  /// - Throws: `ValueTargetError`.
  public func taught(
    _ example: EncodedExample, epoch: Int, index: Int, draws: Bool = true,
    writtenBy vocabulary: (any TokenVocabulary)? = nil
  ) throws(ValueTargetError) -> EncodedExample {
    guard !example.metrics.isEmpty else { return example }
    var writer = ExampleWriter(example)
    let values = values(example)
    var bins = [Int: Int]()  // those of each metric so far
    for entries in example.numbers {
      let positions = entries.map { example.metrics[$0] }
      guard let first = positions.first, let rule = rule(first.metric) else {
        writer.keep(try withHistograms(positions, after: &bins, in: example))
        continue
      }
      guard let number = rule.number(positions, of: example) else { continue }
      let format = rule.target.format, all = values[first.metric] ?? []
      let ordinal = all.firstIndex { $0.number == first.number } ?? 0
      let mass = try rule.mass(around: format.value(number.index), ordinal, of: all.map(\.value), in: example)
      var chosen = number.index
      if draws, rule.draw > 0 {
        var random = CounterGenerator(
          seed, Self.stream, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)),
          UInt64(bitPattern: Int64(first.number)))
        if random.uniform() < rule.draw {
          let drawn = mass.quantile(random.uniform(), of: format.indices)
          let ids = rule.candidates(of: drawn, number.trie).map { rule.space.ids[$0] }
          let fits = writer.length(replacing: number.tokens.count, by: ids.count) <= maxLength
          if fits, drawn == chosen || number.trie == nil || writer.mayReplace(number.tokens, by: ids, vocabulary) {
            chosen = drawn
          }
        }
      }
      writer.write(rule, chosen, number, rule.places(along: chosen, number.trie, mass), of: first)
    }
    return writer.finish()
  }

  /// What of each metric's numbers an example teaches whole.
  public func coverage(of example: EncodedExample) -> [Int: ValueCoverage] {
    var all = [Int: ValueCoverage]()
    for entries in example.numbers {
      let positions = entries.map { example.metrics[$0] }
      guard let first = positions.first, let rule = rule(first.metric) else { continue }
      let number = rule.number(positions, of: example)
      var coverage = all[first.metric] ?? ValueCoverage()
      coverage.numbers += 1
      if number == nil { coverage.others += 1 }
      if let number, number.index <= 0, rule.target.distance == .relative { coverage.hasNoScale = true }
      all[first.metric] = coverage
    }
    for (metric, coverage) in all where !coverage.numbers.isMultiple(of: 4) {
      if case .box? = rule(metric)?.target.scale { all[metric]?.hasNoScale = true }
    }
    return all
  }

  /// What the numbers of the metrics are, in order, where the width of a target depends on them or on which of them it is;
  /// 0 for those that the format does not write.
  private func values(_ example: EncodedExample) -> [Int: [(number: Int, value: Double)]] {
    guard rules.contains(where: { $0?.target.scale.dependsOnOthers == true }) else { return [:] }
    return example.numbers.reduce(into: [:]) { values, entries in
      let positions = entries.map { example.metrics[$0] }
      guard let first = positions.first, let rule = rule(first.metric), rule.target.scale.dependsOnOthers else {
        return
      }
      let number = rule.number(positions, of: example)
      values[first.metric, default: []].append((first.number, number.map { rule.target.format.value($0.index) } ?? 0))
    }
  }

  /// Tells these draws from those of contrastive examples, which have the same key otherwise.
  private static let stream: UInt64 = 0x7661_6C75_6573

  private func rule(_ metric: Int) -> ValueRule? { rules.indices.contains(metric) ? rules[metric] : nil }

  /// Metric tokens with the targets of those that are bins.
  ///
  /// - Parameter bins: how many each metric has had in the example.
  private func withHistograms(
    _ positions: [MetricPosition], after bins: inout [Int: Int], in example: EncodedExample
  ) throws(ValueTargetError) -> [MetricPosition] {
    var positions = positions
    for index in positions.indices {
      let metric = positions[index].metric
      guard histograms.indices.contains(metric), let histogram = histograms[metric] else { continue }
      positions[index].given = try histogram.given(positions[index].candidate, bins[metric, default: 0], in: example)
      bins[metric, default: 0] += 1
    }
    return positions
  }
}

/// What of a metric's numbers in one example is taught whole.
public struct ValueCoverage: Sendable, Hashable {
  /// All numbers, and those that are not taught so: written otherwise than the format does, or with other tokens.
  public var numbers = 0, others = 0
  /// Whether a number's scale has no meaning: one of 0 or less with a relative distance, or other than four of a box.
  public var hasNoScale = false
}

extension ValueScale {
  /// Whether a number's width depends on the other numbers of its record, or on which of them it is.
  fileprivate var dependsOnOthers: Bool {
    switch self {
    case .field, .box: true
    case .temperature, .width, .relative, .raters: false
    }
  }
}

extension CounterGenerator {
  /// A number of [0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}

extension EncodedExample {
  /// Entries of `metrics` by number, in the order of their positions.
  fileprivate var numbers: [[Int]] {
    var order = [Int](), entries = [Int: [Int]]()
    for (entry, metric) in metrics.enumerated() {
      if entries[metric.number] == nil { order.append(metric.number) }
      entries[metric.number, default: []].append(entry)
    }
    return order.map { entries[$0] ?? [] }
  }
}

/// An example as it is written anew, with numbers that may be longer or shorter than before.
private struct ExampleWriter {
  private let old: EncodedExample
  private var new: EncodedExample
  private var read = 0  // tokens of the old example that have been taken over
  private var shifts: [(from: Int, by: Int)] = []

  init(_ example: EncodedExample) {
    old = example
    new = EncodedExample(ids: [], supervised: [])
  }

  /// Tokens of the example if some are replaced by others.
  func length(replacing count: Int, by other: Int) -> Int { old.ids.count + (shifts.last?.by ?? 0) + other - count }

  /// Metric tokens that stay as they are.
  mutating func keep(_ positions: [MetricPosition]) {
    for var position in positions {
      copy(to: position.position)
      position.position = new.ids.count
      new.metrics.append(position)
    }
  }

  /// Whether a tokenizer would write other tokens where those of a number stand.
  func mayReplace(_ tokens: Range<Int>, by ids: [Int32], _ vocabulary: (any TokenVocabulary)?) -> Bool {
    guard let vocabulary else { return true }
    let document = old.breaks.last { $0 <= tokens.lowerBound } ?? 0
    // What stands before may have numbers of its own already.
    let before = (document < read ? new.ids.suffix(3) : []) + old.ids[max(read, document)..<tokens.lowerBound]
    let end = old.breaks.first { $0 >= tokens.upperBound } ?? old.ids.count
    return WritingCheck(vocabulary: vocabulary).mayReplace(
      old.ids[tokens], by: ids, after: before[...], before: old.ids[tokens.upperBound..<end])
  }

  mutating func write(
    _ rule: ValueRule, _ index: Int, _ number: TaughtNumber, _ places: [PlaceTarget], of first: MetricPosition
  ) {
    copy(to: number.tokens.lowerBound)
    let after = number.tokens.upperBound, isDocumentsEnd = old.breaks.contains(after)
    let end = after < old.ids.count && old.supervised[after] && !isDocumentsEnd ? old.ids[after] : nil
    let candidates = rule.candidates(of: index, number.trie)
    // The place after the last token is that of the token that ends the number.
    for (candidate, place) in zip(candidates + (end == nil ? [] : [rule.space.count]), places) {
      if rule.isTaught, let given = rule.given(place, end: end) {
        new.metrics.append(
          MetricPosition(
            position: new.ids.count, metric: first.metric, candidate: candidate, number: first.number, given: given))
      }
      guard candidate < rule.space.count else { break }
      new.ids.append(rule.space.ids[candidate])
      new.supervised.append(true)
    }
    read = after
    shifts.append((after, new.ids.count - after))
  }

  mutating func finish() -> EncodedExample {
    copy(to: old.ids.count)
    new.breaks = old.breaks.map(moved)
    new.ratings = old.ratings.map { rating in
      var rating = rating
      rating.position = moved(rating.position)
      return rating
    }
    new.images = old.images.map { image in
      var image = image
      image.position = moved(image.position)
      return image
    }
    new.comparison = old.comparison
    new.measures = old.measures
    new.source = old.source
    return new
  }

  private mutating func copy(to end: Int) {
    guard read < end else { return }
    new.ids += old.ids[read..<end]
    new.supervised += old.supervised[read..<end]
    read = end
  }

  private func moved(_ position: Int) -> Int {
    position + (shifts.last { $0.from <= position }?.by ?? 0)
  }
}
