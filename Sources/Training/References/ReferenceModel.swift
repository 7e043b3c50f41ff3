// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Objectives
import Torch
public import TorchNN

/// The model whose log-probabilities are the base measure of objectives over whole responses. It never gets a gradient.
public enum ReferenceModel {
  /// Another model, frozen.
  case twin(any TokenModel)
  /// The trained model itself without its adapters: what it was before they were trained.
  case withoutAdapters(any TokenModel)

  /// log π_ref of a batch's labels, `[N]`.
  ///
  /// - Throws: `TorchError` if an operation fails.
  public func logProbabilities(of batch: TokenBatch) throws -> [Float] {
    switch self {
    case .twin(let model): try model.labelLogProbabilities(of: batch)
    case .withoutAdapters(let model): try model.withoutAdapters { try model.labelLogProbabilities(of: batch) }
    }
  }
}

extension ReferenceModel {
  /// Its hidden states at some rows of a batch, without a gradient and without dropout.
  ///
  /// - Throws: `TorchError` if an operation fails.
  func states(of batch: TokenBatch, rows: [Int32]) throws -> ReferenceStates {
    switch self {
    case .twin(let model): ReferenceStates(hidden: try model.states(of: batch, rows: rows), head: model.head)
    case .withoutAdapters(let model):
      ReferenceStates(
        hidden: try model.withoutAdapters { try model.states(of: batch, rows: rows) }, head: model.head)
    }
  }
}

/// Where reference log-probabilities come from.
public enum ReferenceMode: String, Sendable, Hashable, Codable, CaseIterable {
  /// What fits the objective and the model best.
  case auto
  /// Computed once before the run, and kept on the disk (``ReferenceCache``).
  case precomputed
  /// A second, frozen model in memory.
  case twin
  /// The trained model without its adapters.
  case withoutAdapters

  /// `auto` as one of the others; the others as they are.
  ///
  /// - Parameters:
  ///   - hasAdapters: whether adapters are trained.
  ///   - continuesAdapters: whether they had been trained before this run: without them the model is not what the run
  ///     began from.
  /// - Returns: nil if the objective needs no reference model.
  /// - Throws: `ObjectiveError` for a mode that the objective or the model does not allow.
  public func resolved(
    for objective: SequenceObjective, hasAdapters: Bool, continuesAdapters: Bool = false
  ) throws -> ReferenceMode? {
    guard objective.needsReference || objective.needsDivergence else { return nil }
    let isOfLabels = !objective.needsDivergence && !objective.needsMismatchedRewards
    switch self {
    case .auto: return hasAdapters && !continuesAdapters ? .withoutAdapters : isOfLabels ? .precomputed : .twin
    case .precomputed where !isOfLabels:
      throw ObjectiveError(
        objective.name, "reads more of the reference model than log-probabilities of the responses",
        remedy: "Set reference.mode: twin.")
    case .withoutAdapters where !hasAdapters || continuesAdapters:
      throw ObjectiveError(
        objective.name,
        hasAdapters ? "adapters that were trained before are no part of its reference" : "no adapters are trained",
        remedy: "Set reference.mode: twin.")
    case .precomputed, .twin, .withoutAdapters: return self
    }
  }
}

extension TokenModel {
  /// Log-probabilities of a batch's labels, `[N]`, without a gradient and without dropout.
  ///
  /// - Throws: `TorchError` if an operation fails.
  func labelLogProbabilities(of batch: TokenBatch) throws -> [Float] {
    guard !batch.supervision.logitRows.isEmpty else { return [] }
    return try withTorchErrors {
      let hidden = try states(of: batch, rows: batch.supervision.logitRows)
      return try noGrad {
        try head.logProbabilities(hidden, of: batch.supervision.labels).values(of: Float.self)
      }
    }
  }

  /// Hidden states at some rows of a batch, `[N, H]`, without a gradient and without dropout.
  fileprivate func states(of batch: TokenBatch, rows: [Int32]) throws -> Tensor {
    let wasTraining = isTraining
    setTraining(false)
    defer { setTraining(wasTraining) }
    let device = head.weight.device
    let states = noGrad {
      var input = ModelInput(
        ids: Tensor(batch.ids, shape: [batch.rows, batch.length], device: device), documents: batch.documentLengths)
      input.prompts = batch.promptLengths
      return hidden(input, cache: nil, rows: Tensor(rows, device: device))
    }
    if Torch.hasFailed { throw TorchError("a reference model gave no hidden states") }
    return states
  }
}
