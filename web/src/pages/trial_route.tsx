// The page of one trial, below the name of its study.
import { ErrorBox } from '../parts/error_box';
import { Waiting } from '../parts/waiting';
import { useStudy } from '../state/study';
import { TrialPage } from './trial';

export default function TrialRoute({ id, trial }: { id: number; trial: number }) {
  const { study, error, revision } = useStudy(id);
  if (!study)
    return error ? <ErrorBox title="The study cannot be shown" message={error} /> : <Waiting />;
  return (
    <div className="stack">
      <title>{`Trial ${trial} · ${study.title || study.summary.name}`}</title>
      <nav aria-label="Breadcrumb" className="crumbs">
        <a href="/">Studies</a> / <a href={`/studies/${id}`}>{study.title || study.summary.name}</a>{' '}
        / <span aria-current="page">Trial {trial}</span>
      </nav>
      <TrialPage key={trial} study={study} number={trial} revision={revision} />
    </div>
  );
}
