/// Puts targets over whole numbers into examples, and draws numbers from them.
///
/// What it draws depends on seed, epoch, the example's index and the number's ordinal alone, so that accumulation,
/// packing, resuming and the number of processes change nothing.
public struct ValueTeacher: Sendable, Hashable {
  /// A rule per metric, by index; nil for metrics of tokens.
  public var rules: [ValueRule?]
  /// Seed of the run.
  public var seed: UInt64
  /// Largest number of tokens of an example: a drawn number that makes it longer is not taken.
  public var maxLength: Int

  /// Memberwise.
  public init(_ rules: [ValueRule?], seed: UInt64, maxLength: Int = .max) {
    self.rules = rules
    self.seed = seed
    self.maxLength = maxLength
  }

  /// An example with its numbers' targets.
  ///
  /// Numbers that the format does not write, or that are not cut into characters, lose their metric tokens and are
  /// learnt by cross entropy alone.
  ///
  /// - Parameters:
  ///   - epoch: pass over the data, so that an example meets different numbers.
  ///   - index: the example's index in the data set.
  ///   - draws: whether numbers are drawn; validation looks at the answers' own.
  /// - Throws: `ValueTargetError`.
  public func taught(
    _ example: EncodedExample, epoch: Int, index: Int, draws: Bool = true
  ) throws(ValueTargetError) -> EncodedExample {
    guard !example.metrics.isEmpty else { return example }
    var writer = ExampleWriter(example)
    let owns = owns(example)
    for number in example.numbers {
      let positions = number.map { example.metrics[$0] }
      guard let first = positions.first, let rule = rule(first.metric) else {
        writer.keep(positions)
        continue
      }
      guard rule.canTeach(positions, example),
        let own = rule.target.format.index(of: rule.text(positions.map(\.candidate)))
      else { continue }
      let all = owns[first.metric] ?? [], ordinal = all.firstIndex { $0.number == first.number } ?? 0
      let mass = try rule.mass(around: rule.target.format.value(own), ordinal, of: all.map(\.value), in: example)
      var chosen = own
      if draws, rule.draw > 0 {
        var random = CounterGenerator(
          seed, Self.stream, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)),
          UInt64(bitPattern: Int64(first.number)))
        if random.uniform() < rule.draw { chosen = mass.quantile(random.uniform(), of: rule.target.format.indices) }
        if writer.length(replacing: positions.count, by: rule.target.format.text(chosen).utf8.count) > maxLength {
          chosen = own
        }
      }
      writer.write(rule, chosen, NumberConditionals(along: chosen, of: rule.target.format, mass), over: positions)
    }
    return writer.finish()
  }

  /// What of each metric's numbers an example teaches whole.
  public func coverage(of example: EncodedExample) -> [Int: ValueCoverage] {
    var all = [Int: ValueCoverage]()
    for number in example.numbers {
      let positions = number.map { example.metrics[$0] }
      guard let first = positions.first, let rule = rule(first.metric) else { continue }
      let index = rule.target.format.index(of: rule.text(positions.map(\.candidate)))
      var coverage = all[first.metric] ?? ValueCoverage()
      coverage.numbers += 1
      if index == nil || !rule.canTeach(positions, example) { coverage.others += 1 }
      if let index, index <= 0, rule.target.distance == .relative { coverage.hasNoScale = true }
      all[first.metric] = coverage
    }
    for (metric, coverage) in all where !coverage.numbers.isMultiple(of: 4) {
      if case .box? = rule(metric)?.target.scale { all[metric]?.hasNoScale = true }
    }
    return all
  }

  /// Values of each metric's numbers, in order; 0 for those that the format does not write.
  private func owns(_ example: EncodedExample) -> [Int: [(number: Int, value: Double)]] {
    example.numbers.reduce(into: [:]) { owns, number in
      let positions = number.map { example.metrics[$0] }
      guard let first = positions.first, let rule = rule(first.metric) else { return }
      let index = rule.target.format.index(of: rule.text(positions.map(\.candidate)))
      owns[first.metric, default: []].append((first.number, index.map(rule.target.format.value) ?? 0))
    }
  }

  /// Tells these draws from those of contrastive examples, which have the same key otherwise.
  private static let stream: UInt64 = 0x7661_6C75_6573

  private func rule(_ metric: Int) -> ValueRule? { rules.indices.contains(metric) ? rules[metric] : nil }
}

/// What of a metric's numbers in one example is taught whole.
public struct ValueCoverage: Sendable, Hashable {
  /// All numbers, and those that are not taught so: written otherwise than the format does, or not one character a token.
  public var numbers = 0, others = 0
  /// Whether a number's scale has no meaning: one of 0 or less with a relative distance, or other than four of a box.
  public var hasNoScale = false
}

extension ValueRule {
  /// Whether a number's tokens are all there, next to each other, and learnt.
  fileprivate func canTeach(_ positions: [MetricPosition], _ example: EncodedExample) -> Bool {
    let isUnbroken = zip(positions, positions.dropFirst()).allSatisfy { $0.position + 1 == $1.position }
    return isUnbroken && positions.allSatisfy { example.supervised[$0.position] && $0.candidate < space.count }
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

  mutating func write(
    _ rule: ValueRule, _ index: Int, _ conditionals: NumberConditionals, over positions: [MetricPosition]
  ) {
    guard let first = positions.first, let last = positions.last else { return }
    copy(to: first.position)
    let after = last.position + 1, isDocumentsEnd = old.breaks.contains(after)
    let end = after < old.ids.count && old.supervised[after] && !isDocumentsEnd ? old.ids[after] : nil
    let candidates = rule.candidates(rule.target.format.text(index))
    // The place after the last character is that of the token that ends the number.
    for (candidate, place) in zip(candidates + (end == nil ? [] : [rule.space.count]), conditionals.places) {
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
