// SPDX-License-Identifier: Apache-2.0
import Files
import Objectives
import TestSupport
import Testing
import Torch
import TorchNN
import Training

/// A task of one's own: a line through points, and a parameter that the task moves itself.
@Suite struct LoopTests {
  private func loop(_ model: Line) -> TrainingLoop {
    TrainingLoop(
      model, AdamW(learningRate: 0.05), options: TrainingOptions(length: .epochs(3), schedule: .constant, seed: 2),
      storesFrozen: true)
  }

  @Test func theLossFallsAndEventsTellIt() throws {
    let model = Line(), task = LineTask(model)
    var events = [TrainingEvent]()
    let validation = PeriodicValidation(stepsBetween: 4) {
      LossMetrics(loss: model.slope.abs().sum().item(), lossTerms: [])
    }
    let finish = try loop(model).fit(task, validation: validation) { events.append($0) }
    #expect(finish.losses.count == 12)
    #expect(finish.losses[11] < finish.losses[0])
    #expect(task.seen.array(of: Double.self) == Array(repeating: 3, count: 10))
    #expect(model.moved.item() == 12)
    let names = events.map { event in
      switch event {
      case .started: "started"
      case .step(let step): step.tokens == (step.step.isMultiple(of: 4) ? 1 : 3) ? "step" : "\(step.tokens) tokens"
      case .validation: "validation"
      case .checkpoint: "checkpoint"
      case .finished: "finished"
      }
    }
    let epoch = Array(repeating: "step", count: 4) + ["validation"]
    #expect(names == ["started"] + epoch + epoch + epoch + ["finished"])
  }

  /// All examples as one batch: the mean squared error, whatever the steps are.
  @Test func lossesOverATaskAreThoseOfOneBatch() throws {
    let model = Line(), task = LineTask(model)
    let expected = (task.x.linear(model.slope).squeeze(-1) - task.y).square().mean().item()
    #expect(abs(try loop(model).losses(over: task).loss - expected) < 1e-12)
  }

  /// What the task changes itself is saved, in the middle of an epoch too.
  @Test(arguments: [1, 5, 8]) func resumedEqualsUninterrupted(stop: Int) throws {
    let folder = try TemporaryFolder()
    let whole = Line(), first = Line(), second = Line()
    let wholeTask = LineTask(whole)
    let losses = try loop(whole).fit(wholeTask).losses
    let stopped = loop(first)
    stopped.shouldStop = { stopped.progress.step >= stop }
    #expect(try stopped.fit(LineTask(first), checkpoints: Checkpoints(folder.path)).reason == .stopped)
    let task = LineTask(second)
    #expect(try loop(second).fit(task, checkpoints: Checkpoints(folder.path)).losses == losses)
    #expect(task.started == stop)
    #expect(task.seen.isEqual(to: wholeTask.seen))
    for (a, b) in zip(second.parameters(), whole.parameters()) { #expect(a.tensor.isEqual(to: b.tensor)) }
  }

  @Test func aTaskWithOtherSettingsIsRefused() throws {
    let folder = try TemporaryFolder(), model = Line(), first = loop(model)
    first.shouldStop = { first.progress.step >= 2 }
    try first.fit(LineTask(model), checkpoints: Checkpoints(folder.path))
    let other = Line()
    let error = #expect(throws: InputError.self) {
      try loop(other).fit(LineTask(other, identity: "power 1"), checkpoints: Checkpoints(folder.path))
    }
    #expect(error?.found.contains("settings power 2, now power 1") == true)
  }

  @Test func aBadExampleIsNamedAndNothingChanged() throws {
    let model = Line(), task = LineTask(model)
    task.y.select(0, 7).fill_(.nan)
    let before = model.parameters().map { $0.tensor.detach().clone() }
    let training = loop(model)
    var good = before
    let error = #expect(throws: TrainingError.self) {
      try training.fit(task) { event in
        if case .step = event { good = model.parameters().map { $0.tensor.detach().clone() } }
      }
    }
    guard case .nonFinite(let found)? = error else { throw TorchError("\(String(describing: error))") }
    #expect(found.examples == ["point 7"])
    #expect(found.lossTerms == ["squared"])
    #expect(found.step == training.progress.step + 1)
    for (a, b) in zip(model.parameters(), good) { #expect(a.tensor.isEqual(to: b)) }
  }
}

/// y = slope · x, and how often it was updated.
private final class Line: Module {
  @Parameter("slope") var slope: Tensor
  @Parameter("moved") var moved: Tensor

  override init() {
    super.init()
    Torch.threads = 1
    slope = Tensor([0.5, -1.0], shape: [1, 2])
    moved = Tensor([0.0])
    $slope.isTrainable = true
  }
}

private final class LineTask: TrainingTask {
  let model: Line
  let x = Tensor((0..<20).map { Double($0 * 7 % 11) / 5 - 1 }, shape: [10, 2])
  let y = Tensor((0..<10).map { Double($0 * 3 % 7) / 3 - 1 })
  /// How often each point was learnt.
  let seen = Tensor.zeros([10], dtype: .float64)
  let identity: String?
  private(set) var started: Int?
  private var order = PlannedOrder(BatchPlan(count: 10, batch: 3, seed: 1))
  private var points = [Int]()

  init(_ model: Line, identity: String = "power 2") { (self.model, self.identity) = (model, identity) }

  var plan: BatchPlan { order.plan }
  var lossTerms: [(name: String, weight: Double)] { [("squared", 1)] }
  var state: [(name: String, tensor: Tensor)] { [("seen", seen)] }

  func batches(ofStep step: Int) -> [[Int]] { [Array(order.examples(ofStep: step).indices)] }
  func denominators(of batches: [[Int]]) -> Denominators {
    Denominators(supervised: Double(batches.reduce(0) { $0 + $1.count }), weights: [])
  }
  func tokens(of batch: [Int]) -> Int { batch.count }
  func examples(of batch: [Int]) -> [(source: String, alone: [Int])] { batch.map { ("point \($0)", [$0]) } }
  func willStart(at step: Int) { started = step }

  func loss(of batch: [Int], _ denominators: Denominators) -> LossValue? {
    points = batch
    let rows = Tensor(batch.map(Int64.init))
    let error = x.indexSelect(0, rows).linear(model.slope).squeeze(-1) - y.indexSelect(0, rows)
    let total = error.square().sum() / denominators.supervised
    return LossValue(total: total, lossTerms: [.init(name: "squared", weight: 1, value: total.detach())])
  }

  func didUpdate(_ step: StepMetrics) {
    noGrad {
      model.moved.add_(1)
      for point in points { seen.select(0, point).add_(1) }
    }
  }
}
