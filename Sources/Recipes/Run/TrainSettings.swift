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
  /// Bits of the optimizer's state.
  public var stateBits: AdamW.StateBits
  /// Whether layers are computed again in the backward pass, which saves their memory.
  public var checkpointsActivations: Bool
  /// Steps between samples of what the model answers; nil: at a few moments.
  public var sampleEvery: Int?
  /// How many examples are answered then.
  public var samples: Int
  /// Validation examples that are answered at every validation, for the error of the task beside the loss; 0 for none.
  public var answers: Int

  init(_ reader: SettingsReader) throws {
    let steps: Int? = try reader.optional("steps", in: SettingRange.counts)
    let epochs: Double? = try reader.optional("epochs", "a number above 0") { $0 > 0 && $0 < 1e6 }
    if steps != nil, epochs != nil {
      throw reader.error("steps", expected: "either steps or epochs", found: "both")
    }
    length = steps.map { .steps($0) } ?? .epochs(epochs ?? 1)
    batch = try reader.value("batch", default: 8, in: SettingRange.sizes)
    let examples: Int? = try reader.optional("microBatch", in: SettingRange.sizes, "a number of examples")
    let tokens: Int? = try reader.optional("microTokens", in: SettingRange.counts, "a number of tokens")
    if examples != nil, tokens != nil {
      throw reader.error("microTokens", expected: "either microBatch or microTokens", found: "both")
    }
    microBatch = examples.map { .examples($0) } ?? tokens.map { .tokens($0) } ?? .wholeStep
    let row: Int = try reader.value(
      "packing", default: 1024, in: 0...1_000_000_000, "the length of a row in tokens (0 to pad),")
    layout = row > 0 ? .packed(rowLength: row) : .padded
    learningRate = try reader.value("learningRate", default: 2e-5, "a number above 0, up to 1000") {
      $0 > 0 && $0 <= 1000
    }
    let shape: Schedule.Shape = try reader.value("schedule", default: .linear)
    let warmup: Double = try reader.value("warmup", default: 0, "steps, or a share of all below 1") {
      $0 >= 0 && $0 <= 1e9
    }
    schedule = Schedule(shape, warmUp: warmup < 1 ? .ratio(warmup) : .steps(Int(warmup)))
    weightDecay = try reader.value("weightDecay", default: 0, in: SettingRange.factors)
    betas = try reader.value("betas", default: [0.9, 0.999], "two shares below 1, such as [0.9, 0.95]") {
      $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 }
    }
    let limit: Double = try reader.value("clip", default: 1, "0 for no limit, or a number from 1e-9 to 1e9") {
      $0 == 0 || SettingRange.divisors.contains($0)
    }
    clip = limit == 0 ? nil : limit
    let dtype: Precision = try reader.value("dtype", default: .float32)
    self.dtype = dtype.dtype
    device = try reader.value("device", default: DeviceChoice.cpu).device
    seed = UInt64(try reader.value("seed", default: 0, in: 0...Int.max))
    validateEvery = try reader.optional("validateEvery", in: SettingRange.counts, "a number of steps")
    checkpointEvery = try reader.optional("checkpointEvery", in: SettingRange.counts, "a number of steps")
    keep = try reader.value("keep", default: 2, in: SettingRange.counts)
    earlyStop = try reader.optionalSection("earlyStop") { stop in
      EarlyStop(
        patience: try stop.required("patience", in: SettingRange.counts, "a number of validations"),
        minDelta: try stop.value("minDelta", default: 0, in: SettingRange.factors))
    }
    fromScratch = try reader.value("fromScratch", default: false)
    freeze = try reader.value("freeze", default: [])
    lora = try reader.optionalSection("lora") { try LoRASettings($0) }
    if lora != nil, !freeze.isEmpty {
      throw reader.error(
        "freeze", expected: "either lora or freeze", found: "both", remedy: "With lora all but the adapters is frozen.")
    }
    let optimizer: OptimizerName = try reader.value("optimizer", default: .adamw)
    stateBits = optimizer == .adamw ? .thirtyTwo : .eight
    checkpointsActivations = try reader.value("checkpointActivations", default: false)
    sampleEvery = try reader.optional("sampleEvery", in: SettingRange.counts, "a number of steps")
    samples = try reader.value("samples", default: 4, in: 0...1_000_000)
    answers = try reader.value("answers", default: 32, in: 0...1_000_000)
  }

  private enum Precision: String, NamedSetting {
    case float32, bfloat16
    var dtype: DType { self == .float32 ? .float32 : .bfloat16 }
  }
  private enum OptimizerName: String, NamedSetting { case adamw, adamw8bit }
}

extension LoRASettings {
  init(_ reader: SettingsReader) throws {
    self.init(
      rank: try reader.value("rank", default: 8, in: SettingRange.sizes),
      alpha: try reader.value("alpha", default: 16, in: SettingRange.divisors),
      dropout: try reader.value("dropout", default: 0, "a share below 1") { $0 >= 0 && $0 < 1 },
      targets: try reader.value("targets", default: ["q_proj", "v_proj"]),
      isRankStabilized: try reader.value("rankStabilized", default: false))
  }
}

extension Schedule.Shape: NamedSetting {}
