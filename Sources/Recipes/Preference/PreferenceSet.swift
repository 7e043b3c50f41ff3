// SPDX-License-Identifier: Apache-2.0
public import Files
public import TokenData

/// The preferences of a file, or of several.
public struct PreferenceSet: Sendable {
  /// The file, as the user named it; of several the first, and how many more.
  public let path: String
  /// All that can be judged, in the order of the file.
  public let examples: [PreferenceExample]
  /// How many were left out because the person who judged called them ties.
  public let humanTies: Int
  /// Lines left out because they cannot be read, and why.
  public let skipped: [Skipped]

  /// A line that was left out.
  public struct Skipped: Sendable, Hashable {
    /// Its number, from 1.
    public var line: Int
    /// What is wrong with it.
    public var reason: String
  }

  /// Examples that are in memory already.
  public init(_ examples: [PreferenceExample], path: String = "<memory>") {
    (self.path, self.examples, humanTies, skipped) = (path, examples, 0, [])
  }

  /// Reads files of JSON lines, or that are a JSON array, each object in any of ``PreferenceFormat``.
  ///
  /// - Parameters:
  ///   - skipBad: whether lines that cannot be read are left out and counted.
  ///   - limit: only so many examples, chosen at random by `seed`, in the order of the file.
  /// - Throws: `InputError` naming line and key of the first line that cannot be read, or if nothing is left.
  public init(_ source: DataSource, skipBad: Bool = false, limit: Int? = nil, seed: UInt64 = 0) throws(InputError) {
    let file = try DataFiles(source), path = source.path, reader = PreferenceReader()
    var examples = [PreferenceExample](), ties = 0, skipped = [Skipped]()
    for index in 0..<file.count {
      do throws(InputError) {
        let example = try file.read(index) { object throws(InputError) in
          try reader.example(object, source: file.name(index))
        }
        if let example { examples.append(example) } else { ties += 1 }
      } catch {
        guard skipBad else { throw error.ofLine }
        skipped.append(Skipped(line: file.lineNumber(index), reason: error.description))
      }
    }
    guard !examples.isEmpty else {
      throw InputError(
        path: path, expected: "at least one preference", found: "\(ties) ties and \(skipped.count) lines that are bad",
        remedy: skipped.first.map { "The first was left out because of this: \($0.reason)" } ?? "")
    }
    self.path = path
    self.examples = subsample(examples.count, limit: limit, seed: seed).map { examples[$0] }
    (humanTies, self.skipped) = (ties, skipped)
  }

  /// Those of one file, or of a pattern.
  public init(_ path: String, skipBad: Bool = false, limit: Int? = nil, seed: UInt64 = 0) throws(InputError) {
    try self.init(DataSource(path), skipBad: skipBad, limit: limit, seed: seed)
  }

  /// Number of distinct responses, each of which a reward model rates once.
  public var distinctResponses: Int { Set(examples.flatMap { $0.chosen + $0.rejected }).count }

  /// Remarks for people: what was left out, and what no reward model can decide.
  public var remarks: [String] {
    var remarks = [String]()
    if humanTies > 0 { remarks.append("\(humanTies) ties of the people who judged are left out.") }
    if let first = skipped.first {
      remarks.append("\(skipped.count) lines are left out, the first because of this: \(first.reason)")
    }
    let same = examples.count { $0.isUndecidable }
    if same > 0 { remarks.append("\(same) examples have the same response on both sides: always a tie.") }
    return remarks
  }
}
