// SPDX-License-Identifier: Apache-2.0
/// Looks for the matches of a regular expression in one stretch of text, from front to back.
///
/// Whether the rest of an expression matches depends only on the instruction and the place, never on where the search
/// began. What was found out about them is kept from one start to the next, so that `a*b` in a text of a's takes time in
/// proportion to its length, and no expression takes more than instructions × length steps.
struct RegexMatcher {
  private let program: RegexProgram
  private let bytes: UTF8Bytes
  private let range: Range<Int>
  private let classes = UnicodeClasses.shared
  private var stack: [Choice] = []
  /// How what begins at a fork ends: −1 where it does not match; of lookaheads and atomic groups also where it ends.
  private var known: [Int: Int32] = [:]
  /// For each run of a set, a stretch of places at each of which what comes after the run does not match.
  private var failed: [Int: ClosedRange<Int>] = [:]
  /// For each run of a set, the last stretch of text that it took.
  private var taken: [Int: Range<Int>] = [:]
  private var steps = 0
  private var isRemembering = false

  private static let patience = 4096
  private static let longestMemory = 4_000_000

  /// A place where the match could go on in another way. It stays on the stack while the last of the ways is tried.
  private struct Choice {
    /// The fork or run.
    var index: Int
    /// Where the next instruction is tried now.
    var position: Int
    /// The last such place, beyond or before; for a fork the position itself.
    var last: Int
    /// Of a fork: the way that is tried now is the second.
    var isSecond = false
  }

  /// - Parameter range: all that the expression can see.
  init(_ program: RegexProgram, _ bytes: UTF8Bytes, _ range: Range<Int>) {
    (self.program, self.bytes, self.range) = (program, bytes, range)
  }

  /// The leftmost match that begins at `start` or later; call it from front to back.
  mutating func firstMatch(from start: Int) -> Range<Int>? {
    var position = start
    while true {
      isRemembering = steps > Self.patience + 16 * (position - range.lowerBound)
      if let end = match(from: 0, at: position, isWithin: false) { return position..<end }
      if position >= range.upperBound { return nil }
      position += bytes.scalar(at: position).length
    }
  }

  /// The end of the match of the instructions from `first` to their `accept`, or nil.
  ///
  /// - Parameter isWithin: whether they are those of a lookahead or atomic group.
  private mutating func match(from first: Int, at start: Int, isWithin: Bool) -> Int? {
    let base = stack.count
    var (index, position) = (first, start)
    while true {
      var isMatching = true
      switch program.code[index] {
      case .accept: return finish(base, at: position, isWithin: isWithin)
      case .jump(let target): index = target
      case .set(let set):
        if position < range.upperBound, case let (value, length) = bytes.scalar(at: position),
          program.sets[set].contains(value, classes)
        {
          position += length
          index += 1
        } else {
          isMatching = false
        }
      case .run(let set, let min, let max, let greed):
        if let place = run(index, set, min, max, greed, position) {
          position = place
          index += 1
        } else {
          isMatching = false
        }
      case .fork(let way, _):
        count()
        switch known[state(index, position)] {
        case nil:
          stack.append(Choice(index: index, position: position, last: position))
          index = way
        case -1: isMatching = false
        case let end?: return finish(base, at: Int(end), isWithin: isWithin)
        }
      case .look(let end, let negated):
        isMatching = (match(from: index + 1, at: position, isWithin: true) == nil) == negated
        index = end
      case .atomic(let end):
        if let place = match(from: index + 1, at: position, isWithin: true) {
          position = place
          index = end
        } else {
          isMatching = false
        }
      case .anchor(let anchor):
        isMatching = holds(anchor, at: position)
        index += 1
      }
      if !isMatching {
        guard let next = goBack(to: base) else { return nil }
        (index, position) = next
      }
    }
  }

  /// Every choice that led here led to a match.
  private mutating func finish(_ base: Int, at end: Int, isWithin: Bool) -> Int {
    if isWithin, isRemembering {
      for choice in stack[base...] {
        if case .fork = program.code[choice.index] { remember(choice.index, choice.position, Int32(end)) }
      }
    }
    stack.removeLast(stack.count - base)
    return end
  }

  /// Takes the newest choice that has another way. What was tried last has failed.
  private mutating func goBack(to base: Int) -> (Int, Int)? {
    while stack.count > base {
      count()
      let top = stack.count - 1, choice = stack[top]
      if case .fork(_, let second) = program.code[choice.index] {
        if !choice.isSecond {
          stack[top].isSecond = true
          return (second, choice.position)
        }
        if isRemembering { remember(choice.index, choice.position, -1) }
      } else {
        note(choice.position, of: choice.index)
        if let place = next(after: choice) {
          stack[top].position = place
          return (choice.index + 1, place)
        }
      }
      stack.removeLast()
    }
    return nil
  }

  /// The next place of a run that is not known to fail.
  private func next(after choice: Choice) -> Int? {
    guard choice.position != choice.last else { return nil }
    let known = failed[choice.index]
    if choice.last < choice.position {
      var place = bytes.scalarStart(before: choice.position)
      if let known, known.contains(place) {
        guard known.lowerBound > choice.last else { return nil }
        place = bytes.scalarStart(before: known.lowerBound)
      }
      return place
    }
    var place = choice.position + bytes.scalar(at: choice.position).length
    if let known, known.contains(place) {
      guard known.upperBound < choice.last else { return nil }
      place = known.upperBound + bytes.scalar(at: known.upperBound).length
    }
    return place
  }

  /// Takes as much of a set as its greed asks for, and leaves a choice of the other lengths.
  private mutating func run(
    _ index: Int, _ set: Int, _ min: Int, _ max: Int, _ greed: RegexNode.Greed, _ start: Int
  ) -> Int? {
    var (place, least, count) = (start, min == 0 ? start : -1, 0)
    if max == .max, let before = taken[index], before.lowerBound <= start, start <= before.upperBound {
      // Within what was taken before, only the least is to be counted.
      while count < min, place < before.upperBound {
        place += bytes.scalar(at: place).length
        count += 1
        if count == min { least = place }
      }
      place = before.upperBound
    } else {
      let before = max == .max ? taken[index] : nil
      while count < max, place < range.upperBound {
        // What was taken from here on before is taken again, without a look.
        if let before, count >= min, before.contains(place) {
          place = before.upperBound
          break
        }
        let (value, length) = bytes.scalar(at: place)
        guard program.sets[set].contains(value, classes) else { break }
        place += length
        count += 1
        if count == min { least = place }
      }
      if max == .max { taken[index] = start..<place }
    }
    guard least >= 0 else { return nil }
    if greed == .possessive { return place }
    let choice =
      greed == .greedy
      ? Choice(index: index, position: place, last: least) : Choice(index: index, position: least, last: place)
    // The first place may be known to fail as well.
    if let known = failed[index], known.contains(choice.position) {
      guard let place = next(after: choice) else { return nil }
      stack.append(Choice(index: index, position: place, last: choice.last))
      return place
    }
    stack.append(choice)
    return choice.position
  }

  /// Notes that what comes after a run does not match at a place.
  private mutating func note(_ place: Int, of index: Int) {
    guard let known = failed[index] else { return failed[index] = place...place }
    if known.contains(place) { return }
    if place < known.lowerBound, place + bytes.scalar(at: place).length == known.lowerBound {
      failed[index] = place...known.upperBound
    } else if place > known.upperBound, bytes.scalarStart(before: place) == known.upperBound {
      failed[index] = known.lowerBound...place
    } else {
      failed[index] = place...place
    }
  }

  private mutating func count() {
    steps += 1
    if steps & 0xFFF == 0, !isRemembering { isRemembering = steps > Self.patience + 16 * range.count }
  }

  private func state(_ index: Int, _ position: Int) -> Int {
    index * (range.count + 1) + position - range.lowerBound
  }

  private mutating func remember(_ index: Int, _ position: Int, _ end: Int32) {
    if known.count >= Self.longestMemory { known.removeAll(keepingCapacity: true) }
    known[state(index, position)] = end
  }

  private func holds(_ anchor: RegexNode.Anchor, at position: Int) -> Bool {
    let isStart = position == range.lowerBound
    let isEnd = position == range.upperBound
    func isWord(_ place: Int) -> Bool { classes[bytes.scalar(at: place).value].isWord }
    switch anchor {
    case .textStart: return isStart
    case .textEnd: return isEnd
    case .lineStart: return isStart || !isEnd && bytes[position - 1] == 10
    case .lineEnd: return isEnd || bytes[position] == 10
    case .wordBoundary, .notWordBoundary:
      let before = !isStart && isWord(bytes.scalarStart(before: position))
      let after = !isEnd && isWord(position)
      return (before != after) == (anchor == .wordBoundary)
    }
  }
}
