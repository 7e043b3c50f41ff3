// SPDX-License-Identifier: Apache-2.0
public import Torch

/// How sequences are continued.
public struct GenerationOptions: Sendable, Hashable, Codable {
  /// Largest number of new tokens of a sequence.
  public var maxNewTokens: Int
  /// How each token is chosen.
  public var sampling: Sampling
  /// Tokens that end a sequence: the tokenizer's end tokens.
  public var stopIDs: Set<Int32>
  /// Runs of tokens that end a sequence.
  public var stopSequences: [[Int32]]
  /// Whether ``Generation/logProbabilities`` are computed.
  public var logProbabilities: Bool

  /// Greedy unless told otherwise.
  public init(
    maxNewTokens: Int = 256, sampling: Sampling = .greedy, stopIDs: Set<Int32> = [], stopSequences: [[Int32]] = [],
    logProbabilities: Bool = false
  ) {
    self.maxNewTokens = maxNewTokens
    self.sampling = sampling
    self.stopIDs = stopIDs
    self.stopSequences = stopSequences
    self.logProbabilities = logProbabilities
  }
}

/// Why a sequence ended.
public enum FinishReason: String, Sendable, Hashable, Codable {
  /// A stop token or stop sequence.
  case stop
  /// `maxNewTokens` reached.
  case length
  /// The model's context is full.
  case context
}

/// The continuation of one prompt.
public struct Generation: Sendable, Hashable, Codable {
  /// New tokens, without the stop token or stop sequence that ended them.
  public var ids: [Int32]
  /// Natural log-probability of each of `ids` under the scores it was chosen from: the model's, as a logits hook left
  /// them, before temperature and filters. Nil unless asked for.
  public var logProbabilities: [Double]?
  /// Why it ended.
  public var finish: FinishReason

  /// Memberwise.
  public init(ids: [Int32], logProbabilities: [Double]? = nil, finish: FinishReason) {
    self.ids = ids
    self.logProbabilities = logProbabilities
    self.finish = finish
  }
}

/// One new token, as soon as it is chosen.
public struct GenerationEvent: Sendable, Hashable {
  /// Index of the prompt.
  public var prompt: Int
  /// Ordinal of the token among the new ones.
  public var step: Int
  /// The token; stop tokens are shown too.
  public var id: Int32
  /// Its log-probability, if asked for.
  public var logProbability: Double?
  /// Set with the last token of the sequence.
  public var finish: FinishReason?
}

/// State that a ``LogitsHook`` may read.
public struct GenerationState {
  /// Index of the prompt in each row of the logits. Finished sequences lose their rows, so hooks that keep tensors of
  /// their own follow these.
  public let prompts: [Int]
  /// New tokens so far of each row.
  public let generated: [[Int32]]
  /// The state of the model, with the hidden states the logits were computed from.
  public let context: ModelContext
}

/// Changes scores before a token is chosen: constraints, guidance by another model, penalties.
///
/// `logits` is `[B, V]` float32, one row per unfinished sequence; −∞ forbids a token. Called in inference mode.
public typealias LogitsHook = (_ logits: inout Tensor, _ state: GenerationState) throws -> Void
