import Files
import Foundation
public import Tabletop

/// Examples of the tabletop as files that `dist2 train` reads.
public struct ManipulationData: Sendable {
  /// How episodes are written down.
  public var writer: ExampleWriter
  /// Kinds of tasks, in turn.
  public var kinds: [TaskKind]

  /// Memberwise.
  public init(_ writer: ExampleWriter, kinds: [TaskKind] = TaskKind.allCases) {
    (self.writer, self.kinds) = (writer, kinds)
  }

  /// Writes the examples of some episodes of a split, one JSON object a line with TRL's names.
  ///
  /// - Parameters:
  ///   - first: the episode to begin with.
  ///   - progress: told how many episodes are written.
  /// - Returns: how many examples there are.
  /// - Throws: `InputError` if the file cannot be written.
  @discardableResult
  public func write(
    _ split: EpisodeSplit, episodes: Int, from first: Int = 0, to path: String, progress: (Int) -> Void = { _ in }
  ) throws -> Int {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    try makeFolders(folder)
    return try AtomicFile.write(to: path) { file in
      var count = 0
      for (index, entry) in Episode.list(split, kinds: kinds, count: episodes, from: first).enumerated() {
        let examples = writer.examples(of: Episode(entry.kind, split, seed: entry.seed))
        for example in examples {
          let record: JSON = [
            "id": .string(example.id), "prompt": .string(example.prompt), "completion": .string(example.answer),
          ]
          try file.write((record.text() + "\n").utf8)
        }
        count += examples.count
        progress(index + 1)
      }
      return count
    }
  }
}
