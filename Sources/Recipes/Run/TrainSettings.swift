// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch
public import TorchNN
public import Training

/// How a model is trained.
public struct TrainSettings: Sendable, Hashable {
  /// Epochs or steps.
  public var length: TrainingLength
  /// Examples of an optimizer step.
  public var batch: Int
  /// How much of a step goes through the model at once.
  public var microBatch: MicroBatch
  /// How its examples are laid out.
  public var layout: BatchLayout
  /// Peak learning rate.
  public var learningRate: Double
  /// How it rises and falls.
  public var schedule: Schedule
  /// Decay of AdamW, which spares biases and normalisation.
  public var weightDecay: Double
  /// Decay of AdamW's running means of gradient and squared gradient.
  public var betas: [Double]
  /// Largest norm of a step's gradient; nil: any.
  public var clip: Double?
  /// Type the model computes in.
  public var dtype: DType
  /// Where the model computes.
  public var device: Device
  /// Seed of order, contrastive examples, subsets, dropout and adapters.
  public var seed: UInt64
  /// Steps between validations; nil: once an epoch.
  public var validateEvery: Int?
  /// Steps between checkpoints; nil: at the end alone.
  public var checkpointEvery: Int?
  /// How many of the latest checkpoints stay.
  public var keep: Int
  /// Ends the run when validation no longer gets better; nil: never.
  public var earlyStop: EarlyStop?
  /// Whether the model begins with weights drawn from `seed`, so that its folder needs nothing but `config.json`.
  public var fromScratch: Bool
  /// Name patterns of parameters that stay as they are: `model.layers.0-5.*`.
  public var freeze: [String]
  /// Adapters that are trained instead of the model; nil: the model itself.
  public var lora: LoRASettings?
  /// How the frozen weights beneath adapters are stored; nil: as numbers.
  public var quantize: QuantizationSettings?
  /// Bits of the optimizer's state.
  public var stateBits: AdamW.StateBits
  /// What each of several processes holds only its share of.
  public var sharding: Sharding
  /// Whether layers are computed again in the backward pass, which saves their memory.
  public var checkpointsActivations: Bool
  /// Steps between samples of what the model answers; nil: at a few moments.
  public var sampleEvery: Int?
  /// How many examples are answered then.
  public var samples: Int
  /// Validation examples that are answered at every validation, for the error of the task beside the loss; 0 for none.
  public var answers: Int

  /// Memberwise; the defaults are the run file's.
  public init(
    length: TrainingLength = .epochs(1), batch: Int = 8, microBatch: MicroBatch = .wholeStep,
    layout: BatchLayout = .packed(rowLength: 1024), learningRate: Double = 2e-5, schedule: Schedule = .linear,
    weightDecay: Double = 0, betas: [Double] = [0.9, 0.999], clip: Double? = 1, dtype: DType = .float32,
    device: Device = .cpu, seed: UInt64 = 0, validateEvery: Int? = nil, checkpointEvery: Int? = nil, keep: Int = 2,
    earlyStop: EarlyStop? = nil, fromScratch: Bool = false, freeze: [String] = [], lora: LoRASettings? = nil,
    quantize: QuantizationSettings? = nil, stateBits: AdamW.StateBits = .thirtyTwo, sharding: Sharding = .none,
    checkpointsActivations: Bool = false, sampleEvery: Int? = nil, samples: Int = 4, answers: Int = 32
  ) {
    (self.length, self.batch, self.microBatch, self.layout) = (length, batch, microBatch, layout)
    (self.learningRate, self.schedule, self.weightDecay) = (learningRate, schedule, weightDecay)
    (self.betas, self.clip, self.dtype, self.device, self.seed) = (betas, clip, dtype, device, seed)
    (self.validateEvery, self.checkpointEvery, self.keep) = (validateEvery, checkpointEvery, keep)
    (self.earlyStop, self.fromScratch, self.freeze, self.lora) = (earlyStop, fromScratch, freeze, lora)
    self.quantize = quantize
    (self.stateBits, self.sharding, self.checkpointsActivations) = (stateBits, sharding, checkpointsActivations)
    (self.sampleEvery, self.samples, self.answers) = (sampleEvery, samples, answers)
  }
}

extension TrainSettings: SettingsSection {
  mutating func visit(_ keys: any SettingsKeys) throws {
    try visitLength(keys)
    try keys.value("batch", &batch, in: SettingRange.sizes)
    try visitMicroBatch(keys)
    try visitOptimization(keys)
    try keys.value("dtype", &dtype)
    var choice = DeviceChoice(device)
    try keys.value("device", &choice)
    if keys.isReading { device = choice.device }
    var seed = Int(clamping: self.seed)
    try keys.value("seed", &seed, in: 0...Int.max)
    if keys.isReading { self.seed = UInt64(seed) }
    try keys.value("validateEvery", &validateEvery, in: SettingRange.counts, "a number of steps")
    try keys.value("checkpointEvery", &checkpointEvery, in: SettingRange.counts, "a number of steps")
    try keys.value("keep", &keep, in: SettingRange.counts)
    try keys.optionalSection("earlyStop", &earlyStop, new: EarlyStop(patience: 1))
    try keys.value("fromScratch", &fromScratch)
    try keys.value("freeze", &freeze)
    try keys.optionalSection("lora", &lora, new: LoRASettings(alpha: 16))
    try keys.refuse(
      if: lora != nil && !freeze.isEmpty, "freeze", expected: "either lora or freeze", found: "both",
      remedy: "With lora all but the adapters is frozen.")
    try keys.optionalWordOrSection("quantize", word: "type", &quantize, new: QuantizationSettings())
    try keys.refuse(
      if: quantize != nil && lora == nil, "quantize", expected: "adapters beside it (lora)", found: "none",
      remedy: "Quantised weights are frozen: add `lora: { rank: 16, targets: all-linear }`.")
    try keys.refuse(
      if: quantize != nil && fromScratch, "quantize", expected: "weights that were trained",
      found: "fromScratch: true", remedy: "Random weights have nothing to keep: leave out one of the two.")
    try keys.value("optimizer", &stateBits)
    try keys.value("shard", &sharding)
    try keys.value("checkpointActivations", &checkpointsActivations)
    try keys.value("sampleEvery", &sampleEvery, in: SettingRange.counts, "a number of steps")
    try keys.value("samples", &samples, in: 0...1_000_000)
    try keys.value("answers", &answers, in: 0...1_000_000)
  }

  /// `steps` or `epochs`. One epoch is not written down, so that either can be set.
  private mutating func visitLength(_ keys: any SettingsKeys) throws {
    var steps: Int?, epochs: Double?
    switch keys.written(length) {
    case .steps(let count): steps = count
    case .epochs(let count) where count != 1: epochs = count
    default: break
    }
    try keys.value("steps", &steps, in: SettingRange.counts)
    try keys.value("epochs", &epochs, "a number above 0") { $0 > 0 && $0 < 1e6 }
    try keys.refuse(
      if: steps != nil && epochs != nil, "steps", expected: "either steps or epochs", found: "both")
    length = steps.map { .steps($0) } ?? .epochs(epochs ?? 1)
  }

  private mutating func visitMicroBatch(_ keys: any SettingsKeys) throws {
    var examples: Int?, tokens: Int?
    switch keys.written(microBatch) {
    case .examples(let count): examples = count
    case .tokens(let count): tokens = count
    case .wholeStep, nil: break
    }
    try keys.value("microBatch", &examples, in: SettingRange.sizes, "a number of examples")
    try keys.value("microTokens", &tokens, in: SettingRange.counts, "a number of tokens")
    try keys.refuse(
      if: examples != nil && tokens != nil, "microTokens", expected: "either microBatch or microTokens", found: "both")
    microBatch = examples.map { .examples($0) } ?? tokens.map { .tokens($0) } ?? .wholeStep
    var row = 0
    if case .packed(let length) = layout { row = length }
    try keys.value("packing", &row, in: 0...1_000_000_000, "the length of a row in tokens (0 to pad),")
    layout = row > 0 ? .packed(rowLength: row) : .padded
  }

  private mutating func visitOptimization(_ keys: any SettingsKeys) throws {
    try keys.value("learningRate", &learningRate, "a number above 0, up to 1000") { $0 > 0 && $0 <= 1000 }
    try keys.value("schedule", &schedule.shape)
    var warmUp =
      switch schedule.warmUp {
      case .steps(let count): Double(count)
      case .ratio(let share): share
      }
    try keys.value("warmup", &warmUp, "steps, or a share of all below 1") { $0 >= 0 && $0 <= 1e9 }
    if keys.isReading { schedule.warmUp = warmUp > 0 && warmUp < 1 ? .ratio(warmUp) : .steps(Int(warmUp)) }
    try keys.value("weightDecay", &weightDecay, in: SettingRange.factors)
    try keys.value("betas", &betas, "two shares below 1, such as [0.9, 0.95]") {
      $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 }
    }
    var limit = clip ?? 0
    try keys.value("clip", &limit, "0 for no limit, or a number from 1e-9 to 1e9") {
      $0 == 0 || SettingRange.divisors.contains($0)
    }
    clip = limit == 0 ? nil : limit
  }
}

extension EarlyStop: SettingsSection {
  /// What is judged.
  private enum Figure: String, NamedSetting {
    case loss, accuracy, margin

    /// Its name among the objective's measurements.
    var measurement: String? {
      switch self {
      case .loss: nil
      case .accuracy: "rewards/accuracies"
      case .margin: "rewards/margins"
      }
    }
  }

  mutating func visit(_ keys: any SettingsKeys) throws {
    try keys.required("patience", &patience, in: SettingRange.counts, "a number of validations")
    try keys.value("minDelta", &minDelta, in: SettingRange.factors)
    var figure = Figure.allCases.first { $0.measurement == measurement } ?? .loss
    try keys.value("by", &figure)
    if keys.isReading { measurement = figure.measurement }
  }
}

extension Schedule.Shape: NamedSetting {}

extension Sharding: NamedSetting {
  static var expected: String { "none, optimizer (ZeRO 1), gradients (ZeRO 2) or parameters (ZeRO 3)" }
}

/// Types that a model computes in.
extension DType: WordSetting {
  static var words: KeyValuePairs<String, DType> { ["float32": .float32, "bfloat16": .bfloat16] }
}

extension Device: WordSetting {
  static var words: KeyValuePairs<String, Device> { ["cpu": .cpu, "cuda": .cuda(0)] }
}

extension AdamW.StateBits: WordSetting {
  static var words: KeyValuePairs<String, AdamW.StateBits> { ["adamw": .thirtyTwo, "adamw8bit": .eight] }
}
