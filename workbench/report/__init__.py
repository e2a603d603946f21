"""The report: one HTML file from a lake, for somebody who never saw this project.

In the order it is made: ``period`` chooses the days, ``answers`` asks the saved queries, ``figures`` adds the strip of
key figures up, ``panels`` puts an answer, its caveat and a drawing together, ``page`` is the document. Below them:
``markup`` (the only room that writes tags, so that everything is escaped once), ``numerals``, ``tables`` and the
drawings ``bars``, ``heat``, ``sankey``, ``columns_over_time`` and ``share_over_time``. No script, no network, no clock.
"""
