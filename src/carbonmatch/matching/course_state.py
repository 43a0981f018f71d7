"""The course of an instrument's phases, as a part of the state: see `state`."""

import msgspec

from carbonmatch.matching.course import Course, ScheduledAuction
from carbonmatch.matching.messages import Phase


class CourseState(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Field order is byte order."""

    scheduled: Phase
    scheduled_ns: int
    until_ns: int
    auction: ScheduledAuction | None
    hold: Phase | None
    hold_until_ns: int


def saved_course(course: Course) -> CourseState:
    return CourseState(
        course.scheduled,
        course.scheduled_ns,
        course.until_ns,
        course.auction,
        course.hold,
        course.hold_until_ns,
    )


def restored_course(kept: CourseState) -> Course:
    course = Course(kept.scheduled)
    course.scheduled_ns = kept.scheduled_ns
    course.until_ns = kept.until_ns
    course.auction = kept.auction
    course.hold = kept.hold
    course.hold_until_ns = kept.hold_until_ns
    return course
