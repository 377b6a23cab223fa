"""What was taught: models and their measurements, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tiefvision.cli.screen import foreign, pairs, refused_files, say, table
from tiefvision.cli.text import duration, files, moment, near_path

if TYPE_CHECKING:
    from tiefvision.store.models import Model
    from tiefvision.tasks.keeping.models import Activation, ModelDetails
    from tiefvision.tasks.locating.locate import LocateReport
    from tiefvision.tasks.locating.preview_samples import SamplePreview
    from tiefvision.tasks.locating.train_locator import LocatorLesson
    from tiefvision.tasks.teaching.train_ranker import RankerLesson

_SHORT_ID = 12


def show_models(found: Sequence[Model]) -> None:
    """One line for each model."""
    if not found:
        say("no model has been trained yet: tiefvision train locator")
        return
    listed = table("model", "kind", "name", "trained", "")
    for model in found:
        listed.add_row(
            model.id[:_SHORT_ID],
            model.kind,
            foreign(model.name or "any product"),
            moment(model.created_at),
            "active" if model.active else "",
        )
    say(listed)


def show_details(details: ModelDetails) -> None:
    """A model and its report."""
    model = details.model
    say(
        pairs(
            [
                ("model", model.id),
                ("kind", model.kind),
                ("name", model.name or "any product"),
                ("trained", moment(model.created_at)),
                ("active", "yes" if model.active else "no"),
                ("folder", near_path(details.folder)),
            ]
        )
    )
    say()
    say(pairs(_lines(details.report)))


def _lines(report: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """A report's figures, one for each line; nested names are joined."""
    lines: list[tuple[str, str]] = []
    for name, value in report.items():
        shown = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _lines({str(key): item for key, item in value.items()}, f"{shown}, ")
        elif isinstance(value, float):
            lines.append((shown, f"{value:.3f}"))
        elif isinstance(value, list):
            lines.append((shown, ", ".join(str(item) for item in value) or "none"))
        else:
            lines.append((shown, str(value)))
    return lines


def show_located(report: LocateReport) -> None:
    """One line for each photograph."""
    if report.located:
        listed = table("photograph", "box", "by", "confidence", "windows", right=("windows",))
        for seen in report.located:
            sure = "" if seen.confidence is None else f"{seen.confidence:.2f}"
            edges = ", ".join(f"{edge:.0f}" for edge in seen.box)
            listed.add_row(
                foreign(near_path(seen.path)), edges, seen.box_source, sure, str(seen.votes or "")
            )
        say(listed)
    if report.refused:
        say(refused_files(report.refused))
    if report.sheet is not None:
        say(f"contact sheet: {near_path(report.sheet)}")


def show_preview(preview: SamplePreview) -> None:
    """Where the picture lies, and what it was drawn from."""
    of = f" of {preview.label}" if preview.label else ""
    say(foreign(f"windows from boxes{of} on {files(preview.photographs)} photographs"))
    say(f"dataset {preview.dataset[:_SHORT_ID]}; picture: {near_path(preview.sheet)}")


def show_lesson(lesson: LocatorLesson) -> None:
    """What was learned, beside what it had to beat."""
    of = f" of {lesson.label}" if lesson.label else ""
    gone = f"; {files(lesson.left_out)} are gone" if lesson.left_out else ""
    say(
        foreign(
            f"learned from boxes{of} on {files(lesson.photographs)} photographs in "
            f"{duration(lesson.seconds)}{gone}"
        )
    )
    say()
    listed = table("held-out photographs", "IoU", "95 %", "IoU >= .5", "IoU >= .7", right=("IoU",))
    for name, own in lesson.placed.items():
        listed.add_row(
            name,
            f"{own.iou:.3f}",
            f"{own.iou_low:.3f} to {own.iou_high:.3f}",
            f"{own.corloc_50:.3f}",
            f"{own.corloc_70:.3f}",
        )
    say(listed)
    say(
        f"\n{files(lesson.held_out)} photographs held out; something was found in "
        f"{lesson.found:.0%}; windows told apart: {lesson.classifier_accuracy:.3f} right, "
        f"ROC {lesson.classifier_roc_auc:.3f}"
    )
    if lesson.worst is not None:
        say(f"the worst of them: {near_path(lesson.worst)}")
    say(_looks(lesson))
    say(f"\nmodel {lesson.model_id[:_SHORT_ID]}: {lesson.reason}")
    if lesson.activated:
        say(f"it is used now; {files(lesson.encoded)} images were encoded anew")
    else:
        say(f"it is not used; to use it: tiefvision models activate {lesson.model_id[:_SHORT_ID]}")
    for note in lesson.notes:
        say(f"note: {note}")


def _looks(lesson: LocatorLesson) -> str:
    """How the locator looks, and what that costs."""
    sides = ", ".join(str(side) for side in lesson.windows)
    sizes = ", ".join(f"{size:g}" for size in lesson.pyramid)
    pyramid = f", the image also at {sizes} times the size" if sizes else ""
    cost = "" if lesson.milliseconds is None else f"; {lesson.milliseconds} ms for a photograph"
    return f"windows of {sides} cells, merged by {lesson.merge}{pyramid}{cost}"


def show_ranker_lesson(lesson: RankerLesson) -> None:
    """What was learned, without and with it."""
    given = f"{files(lesson.triplets)} triplets and {files(lesson.pairs)} pairs"
    gone = f"; {files(lesson.left_out)} could not take part" if lesson.left_out else ""
    say(
        foreign(
            f"learned {lesson.name} from {given} on {files(lesson.images)} images in "
            f"{duration(lesson.seconds)}{gone}"
        )
    )
    say()
    listed = table("", "without", "with", "change, 95 %", "of", "", right=("without", "with", "of"))
    for name, own in lesson.judged.items():
        change = own.difference
        listed.add_row(
            name,
            f"{own.before:.3f}",
            f"{own.after:.3f}",
            f"{change.low:+.3f} to {change.high:+.3f}",
            files(own.count),
            own.verdict,
        )
    say(listed)
    if lesson.changed is not None:
        say(f"\nwhat changed most: {near_path(lesson.changed)}")
    say(f"\nmodel {lesson.model_id[:_SHORT_ID]}: {lesson.reason}")
    if lesson.activated:
        say(foreign(f"it is used now; to go back: tiefvision models undo --ranker {lesson.name}"))
    else:
        say(f"it is not used; to use it: tiefvision models activate {lesson.model_id[:_SHORT_ID]}")
    for note in lesson.notes:
        say(foreign(f"note: {note}"))


def show_activation(done: Activation) -> None:
    """What is active now, and what that took."""
    of = f" for {done.name}" if done.name else ""
    now = f"the {done.kind} {done.model_id[:_SHORT_ID]}" if done.model_id else f"no {done.kind}"
    say(foreign(f"{now} is active{of}"))
    if done.encoded:
        say(f"{files(done.encoded)} images were encoded anew")
    for note in done.notes:
        say(f"note: {note}")
