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
      and, where the run's metric has values, {"mean", "standardDeviation", "mode", "mass"} of the number the model would \
      write where the run's training answers have one. A model without a run takes evaluate.number from --set.

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
