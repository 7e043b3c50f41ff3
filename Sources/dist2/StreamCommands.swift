// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Files
import Recipes
import Reports
import Torch

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Let a model answer prompts: one given here, or JSON lines from standard input or a file.",
    discussion: """
      Lines in are {"prompt": …} or {"messages": […]}, lines out {"id", "completion", "finish"}, in the same order. \
      Greedy unless --temperature is above 0.

      Other models with the same tokenizer may take part. --guide adds α·log π of a model, such as one trained by arm \
      (α = 1/β); --amateur takes that of a weaker model away among plausible tokens, --contrast-prompt that of the \
      model itself after an instruction to answer badly. --samples draws several answers and \
      tells the one that a judge likes best: the run of a reward model, or of dpo and its kin, by its implicit reward.

        dist2 generate SmolLM2-135M-Instruct --guide runs/arm:10 < prompts.jsonl
        dist2 generate runs/sft --samples 8 --temperature 1 --best-by runs/reward < prompts.jsonl
      """)
  @OptionGroup var model: ModelOptions
  @Option(help: "Answer this prompt and print the text alone.") var prompt: String?
  @Option(help: "A PNG or JPEG image that the prompt shows. May be repeated.", completion: .file())
  var image: [String] = []
  @Option(help: "JSON lines. Default: standard input.") var data: String?
  @Option(help: "Largest number of new tokens of an answer.", transform: whole(0...1_000_000_000)) var maxNewTokens:
    Int?
  @Option(
    help: "Divides the scores before a token is drawn; 0 takes the best. Default: 0.",
    transform: number(OptionRange.factors))
  var temperature = 0.0
  @Option(help: "Draw among the best tokens that hold this share.", transform: positive(1)) var topP: Double?
  @Option(help: "Seed of the draws. Default: 0.", transform: whole(OptionRange.seed)) var seed: UInt64 = 0
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Add α times the log-probabilities of a model; α is 1 unless named.", valueName: "model:α"))
  var guide: [String] = []
  @Option(help: "Take the log-probabilities of this weaker model away (contrastive decoding).") var amateur: String?
  @Option(
    help: ArgumentHelp(
      "Take away what the model says with this text before the prompt; with --amateur, what that one says.",
      valueName: "text"))
  var contrastPrompt: String?
  @Option(help: "By how much. Default: 1.", transform: number(OptionRange.factors)) var amateurWeight = 1.0
  @Option(
    help:
      "Keep tokens of at least this share of the best one's probability. Default: 0.1 with one of these two, else all.",
    transform: positive(1)) var plausibility: Double?
  @Option(help: "Answers drawn for each prompt. Default: 1.", transform: whole(1...1024)) var samples = 1
  @Option(help: "Which of them is told: a run whose reward is the highest.") var bestBy: String?
  @Option(help: "Reference model of --best-by, where that is no reward model. Default: its own.") var reference: String?
  @OptionGroup var processes: ProcessOptions

  func validate() throws {
    if samples > 1, bestBy == nil { throw ValidationError("--samples needs --best-by, which says which is told.") }
    if bestBy != nil, samples == 1 { throw ValidationError("--best-by needs --samples above 1.") }
    if bestBy != nil, temperature == 0 {
      throw ValidationError("--samples needs --temperature above 0: greedy answers are all the same.")
    }
    if reference != nil, bestBy == nil { throw ValidationError("--reference goes with --best-by.") }
    if prompt != nil, data != nil { throw ValidationError("--data goes without --prompt: give one of them.") }
    if prompt == nil, !image.isEmpty {
      throw ValidationError("--image goes with --prompt; lines name their own images.")
    }
  }

  func run() throws {
    guard try prompt == nil || !processes.areSeveral else { throw ValidationError("--prompt takes one process.") }
    try processes.launch(readingLines: data == nil)
    try processes.shared(generate)
  }

  private func generate(sharedBy group: ProcessGroup?) throws {
    // Opened before a model is loaded for it.
    let lines = try prompt == nil && group.isFirst ? LineSource(data) : nil
    let company = GenerationCompany(
      guides: guide.map { GenerationCompany.Guide($0) }, amateur: amateur, contrastPrompt: contrastPrompt,
      amateurWeight: amateurWeight, plausibility: plausibility, samples: samples, judge: bestBy, reference: reference)
    let stream = try LineStream(
      model.choice(), .generateAmong(company), folder: imageFolder(data), isAsTyped: prompt != nil,
      group: group
    ) { answering in
      answering.options.maxNewTokens = maxNewTokens ?? answering.options.maxNewTokens
      answering.options.sampling = Sampling(temperature: temperature, topP: topP, seed: seed)
    }
    if let prompt {
      let record: JSON = ["prompt": .string(prompt), "images": .array(image.map { .string($0) })]
      var lines = [record.text()][...]
      try stream.run(source: "--prompt", next: { _ in lines.popFirst().map { [$0] } }) { line in
        let answer = try JSONReader(JSON(parsing: line, path: ""), path: "")
        print(try answer.string(at: "completion"))
        try say(answer)
        for number in try answer.ifPresent("numbers")?.elements() ?? [] { try say(number) }
      }
    } else {
      try stream.run(lines)
    }
  }

  /// A number that was read out, on standard error: the answer alone is data.
  private func say(_ answer: JSONReader) throws {
    guard let value = try answer.ifPresent("number") else { return }
    let name = try answer.ifPresent("metric").map { "\(try $0.string()) \(try answer.at("place").int()): " } ?? ""
    func figure(_ key: String) throws -> Double { try answer.double(at: key) }
    let interval = "90 % between \(Quantity.number(try figure("low"))) and \(Quantity.number(try figure("high")))"
    Terminal.standardError.write(
      "read out: \(name)\(Quantity.number(try value.double())), \(interval), mass \(Quantity.percent(try figure("mass")))\n"
    )
  }
}

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Score given answers: log-probability, the number read out, or a reward model's scores.",
    discussion: """
      Lines in are {"prompt": …, "completion": …} or {"messages": […]}, lines out {"id", "logProbability", "tokens"} \
      of all answers as training would learn them, with the marks that end them; and, where the run's metric has \
      values, {"mean", "standardDeviation", "mode", "mass"} of the number the model would write where the run's training \
      answers have one. A model without a run takes evaluate.number from --set.

      --implicit scores by the log-ratio to a reference model, --worse-prompt by the model's own opinion after a good and \
      a bad instruction. With --tokens lines may also be {"prompt", "chosen", "rejected"} and the like: they are told again \
      with "chosen_rewards" and "rejected_rewards", which objective.preset: tReg learns from.

      With a reward model lines in are {"prompt": …, "response": …} and lines out {"id", "score", "overall": \
      {"expectation", "standardDeviation", "mode", "mass"}} and the same for each attribute.
      """)
  @OptionGroup var model: ModelOptions
  @Option(help: "JSON lines. Default: standard input.") var data: String?
  @Flag(help: "Score by the log-ratio to a reference model.") var implicit = false
  @Option(help: "With --implicit: the reference model. Default: the run's own.") var reference: String?
  @Option(help: "With --implicit: β. Default: the run's own, else 0.1.", transform: positive(1e6)) var beta: Double?
  @Option(
    help: ArgumentHelp(
      "Score by how much more probable tokens are without this text before the prompt: σ(log-ratio) − ½.",
      valueName: "text"))
  var worsePrompt: String?
  @Option(
    help: ArgumentHelp(
      "With --worse-prompt: the text before the prompt on the other side. Default: none.", valueName: "text"))
  var betterPrompt: String?
  @Flag(help: "With --implicit or --worse-prompt: the reward of each token too.") var tokens = false
  @OptionGroup var processes: ProcessOptions

  func validate() throws {
    if !implicit, reference != nil || beta != nil {
      throw ValidationError("--reference and --beta go with --implicit.")
    }
    if tokens, !implicit, worsePrompt == nil {
      throw ValidationError("--tokens goes with --implicit or --worse-prompt.")
    }
    if implicit, worsePrompt != nil {
      throw ValidationError("--implicit and --worse-prompt are two kinds of scores: give one of them.")
    }
    if betterPrompt != nil, worsePrompt == nil { throw ValidationError("--better-prompt goes with --worse-prompt.") }
  }

  func run() throws {
    try processes.launch(readingLines: data == nil)
    try processes.shared(score)
  }

  private func score(sharedBy group: ProcessGroup?) throws {
    let lines = try group.isFirst ? LineSource(data) : nil
    let task: LineStream.Task =
      if implicit {
        .scoreImplicitly(reference: reference, beta: beta, tokens: tokens)
      } else if let worsePrompt {
        .scoreByContrast(better: betterPrompt, worse: worsePrompt, tokens: tokens)
      } else {
        .score
      }
    try LineStream(model.choice(), task, folder: imageFolder(data), group: group).run(lines)
  }
}

/// From where the paths of images are seen: the folder of the file of lines, or this one.
private func imageFolder(_ data: String?) -> String { data.map { parentFolder(of: $0) } ?? "." }

/// A file of lines, or standard input.
private struct LineSource {
  let name: String
  let reader: LineReader

  init(_ path: String?) throws(InputError) {
    let stream = try path.map { path throws(InputError) in try ByteStream(reading: path) } ?? .standardInput
    (name, reader) = (stream.name, LineReader(stream))
  }
}

extension LineStream {
  /// From lines to standard output; nil in a process that another gives its lines.
  fileprivate func run(_ lines: LineSource?) throws {
    try run(source: lines?.name ?? "", lines: { try lines?.reader.nextLines($0) }) { print($0) }
  }
}
