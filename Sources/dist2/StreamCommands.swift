import ArgumentParser
import Evaluation
import Files
import Foundation
import Recipes
import Reports

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Let a model answer prompts: one given here, or JSON lines from standard input or a file.",
    discussion: """
      Lines in are {"prompt": …} or {"messages": […]}, lines out {"id", "completion", "finish"}, in the same order. \
      Greedy unless --temperature is above 0.
      """)
  @OptionGroup var model: ModelOptions
  @Option(help: "Answer this prompt and print the text alone.") var prompt: String?
  @Option(help: "A PNG or JPEG picture that the prompt shows. May be repeated.", completion: .file())
  var image: [String] = []
  @Option(help: "JSON lines. Default: standard input.") var data: String?
  @Option(help: "Largest number of new tokens of an answer.") var maxNewTokens: Int?
  @Option(help: "Divides the scores before a token is drawn; 0 takes the best.") var temperature = 0.0
  @Option(help: "Draw among the best tokens that hold this share.") var topP: Double?
  @Option(help: "Seed of the draws.") var seed: UInt64 = 0

  func validate() throws {
    if prompt == nil, !image.isEmpty {
      throw ValidationError("--image goes with --prompt; lines name their own images.")
    }
  }

  func run() throws {
    let stream = try LineStream(model.choice(), .generate, folder: imageFolder(data)) { answering in
      answering.options.maxNewTokens = maxNewTokens ?? answering.options.maxNewTokens
      answering.options.sampling = Sampling(temperature: temperature, topP: topP, seed: seed)
    }
    if let prompt {
      let record: JSON = ["prompt": .string(prompt), "images": .array(image.map { .string($0) })]
      var lines = [record.text()][...]
      try stream.run(source: "--prompt", next: { _ in lines.popFirst().map { [$0] } }) { line in
        print(try JSONReader(JSON(parsing: line, path: ""), path: "").string(at: "completion"))
      }
    } else {
      try stream.run(data)
    }
  }
}

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Rate given answers: log-probability, the number a model believes in, or a reward model's scores.",
    discussion: """
      Lines in are {"prompt": …, "completion": …} or {"messages": […]}, lines out {"id", "logProbability", "tokens"} \
      and, where the run's metric has values and answers begin with a number, {"mean", "standardDeviation", "mode", \
      "mass"} of the number the model would write there.

      With a reward model lines in are {"prompt": …, "response": …} and lines out {"id", "score", "overall": \
      {"expectation", "standardDeviation", "mode", "mass"}} and the same for each facet.
      """)
  @OptionGroup var model: ModelOptions
  @Option(help: "JSON lines. Default: standard input.") var data: String?

  func run() throws { try LineStream(model.choice(), .score, folder: imageFolder(data)).run(data) }
}

/// From where the paths of pictures are seen: the folder of the file of lines, or this one.
private func imageFolder(_ data: String?) -> String {
  data.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? "."
}

extension LineStream {
  /// From a file or standard input to standard output.
  func run(_ path: String?) throws {
    let source = path ?? "<stdin>"
    let handle: FileHandle
    if let path {
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw InputError(path: path, expected: "a readable file", found: "none")
      }
      handle = file
    } else {
      handle = .standardInput
    }
    let lines = LineReader(handle, source: source)
    try run(source: source, next: lines.next) { line in
      try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
  }
}

/// Lines of a pipe or file, as many as are there without waiting.
private final class LineReader {
  private let handle: FileHandle
  private let source: String
  private var bytes: [UInt8] = []  // read, but not given out yet
  private var isAtEnd = false
  private static let longestLine = 64 << 20

  init(_ handle: FileHandle, source: String) { (self.handle, self.source) = (handle, source) }

  /// At least one line, at most `limit`; nil at the end.
  func next(_ limit: Int) throws -> [String]? {
    while !isAtEnd, !bytes.contains(UInt8(ascii: "\n")) {
      let chunk = handle.availableData
      isAtEnd = chunk.isEmpty
      bytes += chunk
      guard bytes.count <= Self.longestLine else {
        throw InputError(path: source, expected: "lines of at most 64 MiB", found: "a longer one")
      }
    }
    var lines = [String](), start = 0
    while lines.count < limit, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end + 1
    }
    if isAtEnd, lines.count < limit, start < bytes.count {
      lines.append(String(decoding: bytes[start...], as: UTF8.self))
      start = bytes.count
    }
    bytes.removeFirst(start)
    return lines.isEmpty ? nil : lines
  }
}
