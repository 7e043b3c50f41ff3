// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Torch
import TorchNN

/// A token model, an objective and examples: what a ``Trainer`` trains for.
struct ObjectiveTask: TrainingTask {
  let model: any TokenModel
  let objective: any TrainingObjective
  /// Other models that the objective reads, by name.
  let referenceModels: [String: ReferenceModel]
  let source: any BatchSource
  /// δ of objectives that have one.
  let anchor: RunningAnchor?

  var plan: BatchPlan { source.plan }
  var lossTerms: [(name: String, weight: Double)] { objective.lossTerms }
  var measurementNames: [String] { objective.measurementNames }

  var state: [(name: String, tensor: Tensor)] { anchor.map { [(name: "anchor", tensor: $0.tensor)] } ?? [] }

  func batches(ofStep step: Int) throws -> [TokenBatch] {
    var batches = try source.batches(ofStep: step)
    if let anchor {
      let value = try anchor.value()
      for index in batches.indices { batches[index].supervision.anchor = value }
    }
    return batches
  }

  func didUpdate(_ step: StepMetrics) throws { try anchor?.update(step.measurements) }

  func denominators(of batches: [TokenBatch]) -> Denominators { objective.denominators(of: batches.map(\.supervision)) }

  func denominators(ofStep step: Int) throws -> Denominators {
    objective.denominators(of: try source.supervisions(ofStep: step))
  }

  /// The model computes hidden states only where the objective asks for them.
  func loss(of batch: TokenBatch, _ denominators: Denominators) throws -> LossValue? {
    let rows = objective.rows(of: batch.supervision)
    if rows.isEmpty { return nil }
    let device = model.head.weight.device
    let ids = Tensor(batch.ids, shape: [batch.rows, batch.length], device: device)
    var input = ModelInput(ids: ids, documents: batch.documentLengths, images: batch.imageInput(for: model))
    input.prompts = batch.promptLengths
    let hidden = model.hidden(input, cache: nil, rows: Tensor(rows, device: device))
    // An operation of the model failed: the surrounding `withTorchErrors` throws its message instead of this one.
    if Torch.hasFailed { throw TorchError("the model gave no hidden states") }
    let said = try objective.referenceModels.reduce(into: [String: ReferenceStates]()) { said, name in
      guard let reference = referenceModels[name] else {
        preconditionFailure("the objective reads a model named \(name)")
      }
      said[name] = try reference.states(of: batch, rows: rows)
    }
    return objective.loss(
      of: hidden, head: model.head, textHead: model.textHead, referenceModels: said, supervision: batch.supervision,
      denominators: denominators)
  }

  func tokens(of batch: TokenBatch) -> Int { batch.lengths.reduce(0, +) }

  /// An example alone is the same batch in which nothing else is learnt.
  func examples(of batch: TokenBatch) -> [(source: String, alone: TokenBatch)] {
    batch.sources.indices.map { index in
      var alone = batch
      let own = batch.documents[batch.documentsOfExamples[index]]
      alone.supervision = batch.supervision.restricted { row in own.contains { $0.contains(Int(row)) } }
      return (batch.sources[index], alone)
    }
  }
}

extension TokenBatch {
  /// The batch's images as the model takes them; nil if it has none.
  fileprivate func imageInput(for model: any TokenModel) -> ImageInput? {
    let token = (model as? any VisionLanguageModel)?.imageToken ?? 0
    return ImageInput(
      images.map { image in
        ImageInput.Image(
          values: image.image.values,
          shape: [image.image.channels, image.image.height, image.image.width],
          grid: image.image.grid.map { ($0.rows, $0.columns) },
          area: image.image.area.map {
            ImageInput.Area(
              kept: ($0.kept.rows, $0.kept.columns), shown: ($0.shown.rows, $0.shown.columns))
          }, starts: image.starts, count: image.count)
      }, ids: ids, token: Int32(clamping: token), device: model.head.weight.device)
  }
}

extension Supervision {
  /// The supervised positions whose rows of the flattened hidden states are chosen, and what belongs to them.
  func restricted(to isChosen: (Int32) -> Bool) -> Supervision {
    func numbered(_ kept: [Int]) -> [Int: Int] { Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) }) }
    let kept = logitRows.indices.filter { isChosen(logitRows[$0]) }, renumbered = numbered(kept)
    let read = pooledPositions.indices.filter { isChosen(pooledPositions[$0]) }, renamed = numbered(read)
    var part = self
    part.logitRows = kept.map { logitRows[$0] }
    part.labels = kept.map { labels[$0] }
    part.metrics = metrics.compactMap { target in
      guard let logitRow = renumbered[target.logitRow] else { return nil }
      var target = target
      target.logitRow = logitRow
      return target
    }
    part.pooledPositions = read.map { pooledPositions[$0] }
    part.ratings = ratings.compactMap { target in
      renamed[target.pooledPosition].map { RatingTarget(pooledPosition: $0, values: target.values) }
    }
    part.comparisons = comparisons.compactMap { target in
      guard let chosen = renamed[target.chosen], let rejected = renamed[target.rejected] else { return nil }
      return ComparisonTarget(chosen: chosen, rejected: rejected, margin: target.margin)
    }
    (part.documents, part.groups) = restrictedGroups { renumbered[$0] != nil }
    return part
  }

  /// The groups of documents all of whose learnt tokens are chosen, and their documents.
  private func restrictedGroups(to isChosen: (Int) -> Bool) -> (documents: [DocumentTarget], groups: [DocumentGroup]) {
    var documents = [DocumentTarget](), groups = [DocumentGroup](), end = 0
    for group in self.groups where group.documents.allSatisfy({ self.documents[$0].tokens.allSatisfy(isChosen) }) {
      let first = documents.count
      for document in self.documents[group.documents] {
        documents.append(DocumentTarget(tokens: end..<end + document.tokens.count, values: document.values))
        end += document.tokens.count
      }
      groups.append(DocumentGroup(documents: first..<documents.count, worth: group.worth, weight: group.weight))
    }
    return (documents, groups)
  }
}
