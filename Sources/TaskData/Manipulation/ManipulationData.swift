// SPDX-License-Identifier: Apache-2.0
import Recipes
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

  /// Writes the examples of some episodes of a split, one JSON object a line with TRL's names. Where an image is seen
  /// it lies in `images/` beside the file, named as seen from there.
  ///
  /// - Parameters:
  ///   - first: the episode to begin with.
  ///   - progress: told how many episodes are written.
  /// - Returns: how many examples there are.
  /// - Throws: `InputError` if a file cannot be written.
  @discardableResult
  public func write(
    _ split: EpisodeSplit, episodes: Int, from first: Int = 0, to path: String, progress: (Int) -> Void = { _ in }
  ) throws -> Int {
    let folder = parentFolder(of: path)
    try makeFolders(folder)
    var images = TableImages(folder: folder + "/" + Self.images)
    return try AtomicFile.write(to: path) { file in
      var count = 0
      for (index, entry) in Episode.list(split, kinds: kinds, count: episodes, from: first).enumerated() {
        let episode = Episode(entry.kind, split, seed: entry.seed), examples = writer.examples(of: episode)
        let scenes = writer.template.observation == .image ? episode.scenes : []
        for example in examples {
          var line = example.line
          if writer.template.observation == .image {
            let name = try images.write(scenes[example.step], of: "\(episode.name)_\(example.step)")
            line.show(Self.images + "/" + name)
          }
          try file.write((JSON.object(line).output(path: path) + "\n").utf8)
        }
        count += examples.count
        progress(index + 1)
      }
      return count
    }
  }

  /// The folder of images, beside the file that names them.
  private static let images = "pictures"
}

extension ManipulationExample {
  fileprivate var line: JSONObject {
    var line = JSONObject()
    (line["id"], line["prompt"], line["completion"]) = (.string(id), .string(prompt), .string(answer))
    return line
  }
}

extension JSONObject {
  /// Adds the image that the prompt shows, under the mark that records have for it.
  fileprivate mutating func show(_ image: String) {
    guard case .string(let prompt)? = self["prompt"] else { return }
    self["prompt"] = .string(prompt.replacing(PromptTemplate.imageMark, with: NewVisionModel.mark))
    self["images"] = [.string(image)]
  }
}
